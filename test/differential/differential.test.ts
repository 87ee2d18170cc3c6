import { expect, test } from 'vitest';
import { runPrograms } from './run-programs.js';

const PROGRAMS = 300;
/** Another range every day, so that the tests see new programs, and all runs of a day see the same ones. */
const SEED = Number(process.env['SPILLWAY_DIFFERENTIAL_SEED'] ?? Math.floor(Date.now() / 86_400_000) * 1_000);

test(`${PROGRAMS} random programs see and leave the same on plain MikroORM and written behind (SPILLWAY_DIFFERENTIAL_SEED=${SEED})`, async () => {
  const { failures } = await runPrograms({ from: SEED, programs: PROGRAMS });
  expect(failures).toEqual([]);
}, 600_000);
