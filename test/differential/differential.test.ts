import { sized } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { runPrograms } from './run-programs.js';

const PROGRAMS = sized({ short: 30, long: 300 });
const SEED = Number(process.env['SPILLWAY_DIFFERENTIAL_SEED'] ?? 1);

test(`${PROGRAMS} random programs see and leave the same on plain MikroORM and written behind (SPILLWAY_DIFFERENTIAL_SEED=${SEED})`, async () => {
  const { failures } = await runPrograms({ from: SEED, programs: PROGRAMS });
  expect(failures).toEqual([]);
}, 600_000);
