import type { ChangeSink } from '../sink/change-sink.js';
import type { StagingStore } from '../staging/staging-store.js';

/**
 * Starts the chains of shards that the staging store does not know, at the last tokens that the database knows. The
 * shards are held meanwhile, so that no batch of theirs can be committed between the look and the start. Whoever is
 * told `uninitialised` while staging calls this, and stages again.
 */
export async function adoptShards(shards: readonly number[], staging: StagingStore, sink: ChangeSink): Promise<void> {
  await using transaction = await sink.beginExclusive(shards);
  await Promise.all([...transaction.held].map(([shard, lastToken]) => staging.adopt(shard, lastToken)));
}
