import { expect, test } from 'vitest';
import { runPrograms } from './run-programs.js';

/** Always these: of a few hundred programs there is one in which plain MikroORM waits for itself on PGlite. */
const PROGRAMS = 60;

test(`${PROGRAMS} random programs see and leave the same on a PGlite, in one process`, async () => {
  const { failures } = await runPrograms({ from: 1, programs: PROGRAMS, host: 'pglite' });
  expect(failures).toEqual([]);
}, 600_000);
