import type { ChangeSink } from '../sink/change-sink.js';
import type { EmptyReport, EmptyScope, StagingStore } from '../staging/staging-store.js';
import { allAnswered } from './all-answered.js';

/**
 * Throws away what is staged of tables that are about to be cleared or dropped. All shards are held meanwhile: whoever is writing a batch has committed it before, so that its rows are
 * cleared with the others, and nobody commits one of which a part is gone.
 */
export async function emptyShards(scope: EmptyScope, staging: StagingStore, sink: ChangeSink): Promise<EmptyReport> {
  await using transaction = await sink.beginExclusive([...Array(staging.shards).keys()]);
  await transaction.alive();
  const reports = await allAnswered(
    [...transaction.held].map(async ([shard, last]) => staging.empty(shard, scope, last)),
  );
  return {
    records: reports.reduce((sum, { records }) => sum + records, 0),
    dead: reports.reduce((sum, { dead }) => sum + dead, 0),
  };
}
