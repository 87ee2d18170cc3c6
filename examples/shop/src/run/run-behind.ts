import path from 'node:path';
import { Spillway } from '@spillway/core';
import { compare } from '../comparison/compare.js';
import { readRows } from '../comparison/read-rows.js';
import { Journal } from '../journal/journal.js';
import { readJournals } from '../journal/read-journals.js';
import { paceOf } from '../pace/pace.js';
import type { Crew } from '../processes/crew.js';
import { addFigures, noFigures, rowsIn } from '../processes/figures.js';
import { schemaOf } from '../shop/kind.js';
import { openShop } from '../shop/open-shop.js';
import { makeCatalogue } from '../traffic/catalogue.js';
import { readDeadLetters } from './dead-letters.js';
import { drainAll } from './drain-all.js';
import { openingHours } from './opening-hours.js';
import type { Outcome } from './outcome.js';
import type { Run } from './run.js';
import { takeSnapshot, type StagedSnapshot } from './snapshot.js';
import { Watch, type Look } from './watch.js';

/**
 * The shop, told in order: it opens, is visited while processes are killed, and closes; what was pending is drained,
 * and what was acknowledged is held against what is in PostgreSQL.
 */
export async function runBehind({ premises, seed, seconds, stretches, progress, stop }: Run): Promise<Outcome> {
  await using resources = new AsyncDisposableStack();
  const { behind } = premises;
  const spillway = Spillway.of(behind.orm);
  const giveUp = (error: unknown): void => stop.abort(error);

  await spillway.start();
  const journal = resources.use(new Journal(path.join(behind.journals, 'main.jsonl')));
  const catalogue = makeCatalogue(seed);
  await openShop(behind.orm, journal, catalogue);

  const crew = resources.use(behind.hire({ journal, catalogue }, giveUp));
  progress.say(`Running ${await crew.start()}.`);
  const watch = resources.use(new Watch(lookAt(spillway, crew), progress, giveUp));
  const opened = performance.now();
  const [pace, killed] = await Promise.all([
    paceOf(crew, stretches.behind, stop.signal),
    openingHours(seconds, crew, premises.accidents, progress, stop.signal),
  ]);

  await crew.stop('application');
  const openMs = performance.now() - opened;
  const drainMs = await drainAll(spillway);
  await crew.stop('worker');
  const end = await watch.end();
  if (stop.signal.reason instanceof Error) throw stop.signal.reason;

  return {
    verdict: compare(readJournals(behind.journals), await readRows(premises.query, schemaOf.behind)),
    deadLetters: await readDeadLetters(spillway),
    end,
    seconds: openMs / 1_000,
    drainMs,
    killed,
    pace,
    plain: undefined,
    mayLose: premises.mayLose,
  };
}

function lookAt(spillway: Spillway, crew: Crew): Look<StagedSnapshot> {
  let rowsWrittenHere = 0;
  // The final drain is helped by this process.
  spillway.on('written', (batch) => (rowsWrittenHere += rowsIn(batch)));
  return (seconds) =>
    takeSnapshot(spillway, addFigures(crew.figures(), { ...noFigures, rows: rowsWrittenHere }), seconds);
}
