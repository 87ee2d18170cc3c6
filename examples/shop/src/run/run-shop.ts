import path from 'node:path';
import { Spillway } from '@spillway/core';
import { compare } from '../comparison/compare.js';
import { readRows } from '../comparison/read-rows.js';
import { Journal } from '../journal/journal.js';
import { readJournals } from '../journal/read-journals.js';
import { embedded } from '../premises/embedded.js';
import { onServers } from '../premises/on-servers.js';
import { openShop } from '../shop/open-shop.js';
import { makeCatalogue } from '../traffic/catalogue.js';
import type { Arguments } from './arguments.js';
import { readDeadLetters } from './dead-letters.js';
import { drainAll } from './drain-all.js';
import { openingHours } from './opening-hours.js';
import type { Outcome } from './outcome.js';
import type { Progress } from '../screen/progress.js';
import { Watch } from './watch.js';

/**
 * One run, told in order: the shop opens, is visited while processes are killed, and closes; what was pending is
 * drained, and what was acknowledged is held against what is in PostgreSQL.
 *
 * @param stop aborted to close the shop early; with an `Error` as the reason, to give up.
 */
export async function runShop(
  { seconds, seed, ...args }: Arguments,
  progress: Progress,
  stop: AbortController,
): Promise<Outcome> {
  await using resources = new AsyncDisposableStack();
  const premises = resources.use(await (args.embedded ? embedded(seed) : onServers(seed, process.env)));
  const spillway = Spillway.of(premises.orm);
  const giveUp = (error: unknown): void => stop.abort(error);

  await spillway.start();
  const journal = resources.use(new Journal(path.join(premises.journals, 'main.jsonl')));
  const catalogue = makeCatalogue(seed);
  await openShop(premises.orm, journal, catalogue);

  const crew = resources.use(premises.hire({ journal, catalogue }, giveUp));
  progress.say(`Running ${await crew.start()}.`);
  const watch = resources.use(new Watch(spillway, crew, progress, giveUp));
  const { openMs, killed } = await openingHours(seconds, crew, premises.accidents, progress, stop.signal);

  await crew.stop('application');
  const drainMs = await drainAll(spillway);
  await crew.stop('worker');
  const end = await watch.end();
  if (stop.signal.reason instanceof Error) throw stop.signal.reason;

  return {
    verdict: compare(readJournals(premises.journals), await readRows(premises.query)),
    deadLetters: await readDeadLetters(spillway),
    end,
    seconds: openMs / 1_000,
    drainMs,
    killed,
  };
}
