import path from 'node:path';
import { compare } from '../comparison/compare.js';
import { readRows } from '../comparison/read-rows.js';
import { Journal } from '../journal/journal.js';
import { readJournals } from '../journal/read-journals.js';
import { paceOf } from '../pace/pace.js';
import { schemaOf } from '../shop/kind.js';
import { openShop } from '../shop/open-shop.js';
import { makeCatalogue } from '../traffic/catalogue.js';
import type { PlainOutcome } from './outcome.js';
import type { Run } from './run.js';
import { Watch } from './watch.js';

/**
 * The same shop on plain MikroORM: the same catalogue, traffic, requests and journals, and tables of its own. Nothing
 * is killed. `undefined` if it was closed early.
 */
export async function runPlain({ premises, seed, stretches, progress, stop }: Run): Promise<PlainOutcome | undefined> {
  await using resources = new AsyncDisposableStack();
  const rooms = await premises.openPlain();
  const giveUp = (error: unknown): void => stop.abort(error);

  const journal = resources.use(new Journal(path.join(rooms.journals, 'main.jsonl')));
  const catalogue = makeCatalogue(seed);
  await openShop(rooms.orm, journal, catalogue);

  const crew = resources.use(rooms.hire({ journal, catalogue }, giveUp));
  const { plain } = stretches;
  progress.next(plain.after + plain.seconds);
  progress.say(`The same traffic on plain MikroORM. Running ${await crew.start()}.`);
  const watch = resources.use(new Watch((seconds) => ({ ...crew.figures(), seconds }), progress, giveUp));
  const pace = await paceOf(crew, plain, stop.signal);

  await crew.stop('application');
  const { conflicts } = await watch.end();
  if (stop.signal.reason instanceof Error) throw stop.signal.reason;
  if (pace === undefined) return undefined;
  return {
    pace,
    conflicts,
    verdict: compare(readJournals(rooms.journals), await readRows(premises.query, schemaOf.plain)),
  };
}
