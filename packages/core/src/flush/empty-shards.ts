import type { ChangeSink } from '../sink/change-sink.js';
import type { EmptyReport, FlushSide } from '../staging/flush-side.js';
import type { EmptyScope, LookSide } from '../staging/look-side.js';
import { allAnswered } from './all-answered.js';

/**
 * Discards the staged changes of tables that are about to be cleared or dropped. The transaction has locked all shards
 * meanwhile. A flush that was writing a batch has therefore committed it before, so that its rows are cleared with the
 * others, and no flush can commit a batch that has lost a part.
 */
export async function emptyShards(
  scope: EmptyScope,
  staging: FlushSide & Pick<LookSide, 'due'>,
  sink: ChangeSink,
): Promise<EmptyReport> {
  await using transaction = await sink.beginExclusive([...Array(staging.shards).keys()]);
  // If one of several servers is away, nothing is cleared, so nothing may be thrown away on the others.
  const away = (await staging.due.next()).find((wait) => wait instanceof Error);
  if (away) throw away;
  await transaction.alive();
  const reports = await allAnswered(
    [...transaction.locked].map(async ([shard, last]) => staging.empty(shard, scope, last)),
  );
  return {
    records: reports.reduce((sum, { records }) => sum + records, 0),
    dead: reports.reduce((sum, { dead }) => sum + dead, 0),
  };
}
