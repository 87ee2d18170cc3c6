import path from 'node:path';
import { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { compare } from '../comparison/compare.js';
import { readRows } from '../comparison/read-rows.js';
import { Journal } from '../journal/journal.js';
import { readJournals } from '../journal/read-journals.js';
import { shopConfig } from '../orm-config.js';
import { Fleet } from '../processes/fleet.js';
import { openShop } from '../shop/open-shop.js';
import { makeCatalogue } from '../traffic/catalogue.js';
import type { Arguments } from './arguments.js';
import { readDeadLetters } from './dead-letters.js';
import { drainAll } from './drain-all.js';
import { openingHours, startStaff } from './opening-hours.js';
import type { Outcome } from './outcome.js';
import { makePlace } from './place.js';
import type { Progress } from './progress.js';
import { Watch } from './watch.js';

/**
 * One run, told in order: the shop opens, is visited while processes are killed, and closes; what was pending is
 * drained, and what was acknowledged is held against what is in PostgreSQL.
 *
 * @param stop aborted to close the shop early; with an `Error` as the reason, to give up.
 */
export async function runShop(
  { seconds, seed }: Arguments,
  progress: Progress,
  stop: AbortController,
): Promise<Outcome> {
  await using resources = new AsyncDisposableStack();
  const place = resources.use(await makePlace(seed, process.env));
  const orm = await MikroORM.init(shopConfig(place, false));
  resources.defer(() => orm.close());
  const spillway = Spillway.of(orm);

  await orm.schema.create();
  await spillway.start();
  const journal = resources.use(new Journal(path.join(place.journals, 'main.jsonl')));
  await openShop(orm, journal, makeCatalogue(seed));

  const fleet = resources.use(new Fleet(place, (error) => stop.abort(error)));
  await startStaff(fleet, progress);
  const watch = resources.use(new Watch(spillway, fleet, progress, (error) => stop.abort(error)));
  const { openMs, killed } = await openingHours(seconds, fleet, progress, stop.signal);

  await fleet.stop('application');
  const drainMs = await drainAll(spillway);
  await fleet.stop('worker');
  const end = await watch.end();
  if (stop.signal.reason instanceof Error) throw stop.signal.reason;

  return {
    verdict: compare(readJournals(place.journals), await readRows(place.databaseUrl)),
    deadLetters: await readDeadLetters(spillway),
    end,
    seconds: openMs / 1_000,
    drainMs,
    killed,
  };
}
