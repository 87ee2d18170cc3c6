import { eventually, sized } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Page } from './programs/site.js';
import { breakGround, type Ground } from './support/ground.js';
import { Programs, type Program } from './support/programs.js';
import { below, randomOf } from './support/random.js';

const PROCESSES = 8;
const INCREMENTS = sized({ short: 10_000, long: 100_000 });
const PAGES = Array.from({ length: 50 }, (_, number) => `page ${number}`);
/** Between two kills so many increments are acknowledged, at most. */
const MOST_INCREMENTS = 7_000;
const SEED = Number(process.env['SPILLWAY_FAULT_SEED'] ?? Date.now() % 1_000_000);

test(`${INCREMENTS} increments of ${PAGES.length} hot rows by ${PROCESSES} processes are exact, whatever workers are killed (SPILLWAY_FAULT_SEED=${SEED})`, async () => {
  await using ground = await breakGround();
  await using programs = new Programs();
  const random = randomOf(SEED);
  await makePages(ground);
  const counters = Array.from({ length: PROCESSES }, (_, number) =>
    programs.counter({
      ...ground.place,
      seed: SEED + number,
      increments: INCREMENTS / PROCESSES,
      lanes: 12,
      pages: PAGES,
    }),
  );
  const workers = [programs.worker(ground.place), programs.worker(ground.place)];
  for (const program of [...counters, ...workers]) await program.ready();

  let kills = 0;
  for (let goal = 0; goal < INCREMENTS; goal += below(random, MOST_INCREMENTS)) {
    await counted(counters, workers, goal);
    const post = below(random, workers.length);
    await workers[post]?.kill9();
    workers[post] = programs.worker(ground.place);
    // Whoever is killed at its start has not begun to write.
    await workers[post].ready();
    kills += 1;
  }

  for (const counter of counters) await counter.endsWith(0);
  for (const worker of workers) {
    worker.signal('SIGTERM');
    await worker.endsWith(0);
  }
  await ground.settled();
  expect(kills).toBeGreaterThan(INCREMENTS / MOST_INCREMENTS);
  expect(sum(counters.map(incrementsOf))).toBe(INCREMENTS);
  const { pages } = await ground.rows();
  expect({ seed: SEED, hits: Object.fromEntries(pages.map(({ id, hits }) => [id, hits])) }).toEqual({
    seed: SEED,
    hits: Object.fromEntries(PAGES.map((page) => [page, sum(counters.map((counter) => sumOf(counter, page)))])),
  });
}, 600_000);

async function makePages({ orm, spillway }: Ground): Promise<void> {
  const em = orm.em.fork();
  for (const id of PAGES) em.create(Page, { id, hits: 0 });
  await em.flush();
  await spillway.drain();
}

/** Waits until so many increments have been acknowledged. Nobody may end but by being killed, or because it is done. */
async function counted(counters: readonly Program[], workers: readonly Program[], goal: number): Promise<void> {
  const busy = [...workers, ...counters.filter((counter) => incrementsOf(counter) < INCREMENTS / PROCESSES)];
  const isReached = (): boolean =>
    sum(counters.map(incrementsOf)) >= goal || busy.some((program) => program.hasEnded());
  await eventually(isReached, { what: `${goal} increments`, timeoutMs: 120_000 });
  for (const worker of workers) worker.assertRunning();
  for (const counter of counters) if (incrementsOf(counter) < INCREMENTS / PROCESSES) counter.assertRunning();
}

function incrementsOf(counter: Program): number {
  const last = counter.journal().findLast((entry) => entry.kind === 'counted');
  return last?.increments ?? 0;
}

function sumOf(counter: Program, page: string): number {
  const last = counter.journal().findLast((entry) => entry.kind === 'counted');
  return last?.sums[page] ?? 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
