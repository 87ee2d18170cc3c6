import type { ChangeSink } from '../sink/change-sink.js';
import type { EmptyReport, FlushSide } from '../staging/flush-side.js';
import type { EmptyScope } from '../staging/look-side.js';
import { allAnswered } from './all-answered.js';

/**
 * Discards the staged changes of tables that are about to be cleared or dropped. The transaction has locked all shards
 * meanwhile. A flush that was writing a batch has therefore committed it before, so that its rows are cleared with the
 * others, and no flush can commit a batch that has lost a part.
 */
export async function emptyShards(scope: EmptyScope, staging: FlushSide, sink: ChangeSink): Promise<EmptyReport> {
  await using transaction = await sink.beginExclusive([...Array(staging.shards).keys()]);
  await transaction.alive();
  const reports = await allAnswered(
    [...transaction.locked].map(async ([shard, last]) => staging.empty(shard, scope, last)),
  );
  return {
    records: reports.reduce((sum, { records }) => sum + records, 0),
    dead: reports.reduce((sum, { dead }) => sum + dead, 0),
  };
}
