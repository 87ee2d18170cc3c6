import { expect, test } from 'vitest';
import { runPrograms } from './run-programs.js';

const PROGRAMS = 60;

test(`${PROGRAMS} random programs see and leave the same on a PGlite, in one process`, async () => {
  const { failures } = await runPrograms({ from: 1, programs: PROGRAMS, host: 'pglite' });
  expect(failures).toEqual([]);
}, 600_000);
