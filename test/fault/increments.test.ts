import { eventually } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Page } from './programs/site.js';
import { breakGround } from './support/ground.js';
import { Programs, type Program } from './support/programs.js';
import { below, randomOf } from './support/random.js';

const PROCESSES = 8;
const ROWS = 50;
const WORKERS = 3;
const INCREMENTS = Number(process.env['SPILLWAY_INCREMENTS'] ?? 100_000);
const SEED = Number(process.env['SPILLWAY_FAULT_SEED'] ?? Date.now() % 1_000_000);
/** A worker is killed each time that so many units of work more have been done, at most. */
const MOST_WORK = INCREMENTS / 30;

test(`${INCREMENTS} increments of ${PROCESSES} processes on ${ROWS} rows are exact, however many workers are killed (SPILLWAY_FAULT_SEED=${SEED})`, async () => {
  await using ground = await breakGround({ shards: 8 });
  await using programs = new Programs();
  const random = randomOf(SEED);
  const rows = Array.from({ length: ROWS }, (_, number) => `row ${number}`);
  const em = ground.orm.em.fork();
  for (const id of rows) em.create(Page, { id, hits: 0 });
  await em.flush();

  const counting = Array.from({ length: PROCESSES }, (_, number) => {
    const increments = Math.floor(INCREMENTS / PROCESSES) + (number < INCREMENTS % PROCESSES ? 1 : 0);
    return programs.counting({ ...ground.place, seed: SEED + number, rows, increments, lanes: 8 });
  });
  const workers = Array.from({ length: WORKERS }, () => programs.worker(ground.place));
  await Promise.all([...counting, ...workers].map(async (program) => program.ready()));
  const done = (): number => counting.reduce((sum, program) => sum + program.journal().length, 0);
  const isOver = (program: Program): boolean => program.journal().at(-1)?.kind === 'stopped';

  let kills = 0;
  while (!counting.every(isOver)) {
    const goal = done() + below(random, MOST_WORK);
    await eventually(() => done() >= goal || counting.every(isOver), {
      what: `${goal} units of work`,
      timeoutMs: 120_000,
    });
    const position = below(random, WORKERS);
    await workers[position]?.kill9();
    workers[position] = programs.worker(ground.place);
    kills += 1;
  }
  for (const program of counting) await program.endsWith(0);
  await ground.settled();

  const { pages } = await ground.rows();
  expect(pages).toHaveLength(ROWS);
  expect(pages.reduce((sum, { hits }) => sum + hits, 0)).toBe(INCREMENTS);
  expect(kills).toBeGreaterThan(10);
}, 600_000);
