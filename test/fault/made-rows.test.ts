import { eventually } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { breakGround, type Ground } from './support/ground.js';
import { Programs, type Program } from './support/programs.js';
import { below, randomOf } from './support/random.js';

const PROCESSES = 3;
const INCREMENTS = 6_000;
const PAGES = Array.from({ length: 12 }, (_, number) => `page ${number}`);
/** What a page has that another program inserts. */
const INSERTED = 1_000_000;
const SEED = Number(process.env['SPILLWAY_FAULT_SEED'] ?? Date.now() % 1_000_000);

test(`rows that increments make are exact, while another program inserts and deletes them and workers are killed (SPILLWAY_FAULT_SEED=${SEED})`, async () => {
  await using ground = await breakGround();
  await using programs = new Programs();
  const random = randomOf(SEED);
  const counters = Array.from({ length: PROCESSES }, (_, number) =>
    programs.counter({
      ...ground.place,
      seed: SEED + number,
      increments: INCREMENTS / PROCESSES,
      lanes: 6,
      pages: PAGES,
      makesPages: true,
    }),
  );
  const workers = [programs.worker(ground.place), programs.worker(ground.place)];
  for (const program of [...counters, ...workers]) await program.ready();

  const other = { inserted: 0, deleted: 0, deletions: 0 };
  const isOver = (): boolean => counters.every((counter) => counter.hasEnded());
  const meddling = (async () => {
    while (!isOver()) await meddle(ground, random, other);
  })();
  for (let goal = 0; goal < INCREMENTS; goal += 1_500) {
    const isReached = (): boolean => isOver() || sum(counters.map(incrementsOf)) >= goal;
    await eventually(isReached, { what: `${goal} increments`, timeoutMs: 120_000 });
    const post = below(random, workers.length);
    await workers[post]?.kill9();
    workers[post] = programs.worker(ground.place);
    await workers[post].ready();
  }
  await meddling;

  for (const counter of counters) await counter.endsWith(0);
  await ground.settled();
  expect(sum(counters.map(incrementsOf))).toBe(INCREMENTS);
  const { pages } = await ground.rows();
  const counted = sum(counters.flatMap((counter) => PAGES.map((page) => sumOf(counter, page))));
  expect({ seed: SEED, hits: sum(pages.map(({ hits }) => hits)) + other.deleted }).toEqual({
    seed: SEED,
    hits: counted + other.inserted,
  });
  expect(other.deletions).toBeGreaterThan(3);
}, 300_000);

/**
 * Another program, which knows nothing of Spillway. It notes what it has put in, and what went with the rows that it
 * has deleted.
 */
async function meddle(
  ground: Ground,
  random: () => number,
  other: { inserted: number; deleted: number; deletions: number },
): Promise<void> {
  const page = PAGES[below(random, PAGES.length)] as string;
  if (below(random, 2) === 0) {
    const made = await ground.sql(
      `insert into page (id, hits) values ('${page}', ${INSERTED}) on conflict do nothing returning id`,
    );
    other.inserted += made.length * INSERTED;
  } else {
    const gone = await ground.sql<{ hits: number }>(`delete from page where id = '${page}' returning hits`);
    other.deleted += sum(gone.map(({ hits }) => hits));
    other.deletions += gone.length;
  }
}

function incrementsOf(counter: Program): number {
  return counter.journal().findLast((entry) => entry.kind === 'counted')?.increments ?? 0;
}

function sumOf(counter: Program, page: string): number {
  return counter.journal().findLast((entry) => entry.kind === 'counted')?.sums[page] ?? 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
