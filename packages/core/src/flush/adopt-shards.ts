import { ORIGIN } from '../change/token.js';
import type { ChangeSink, SinkTransaction } from '../sink/change-sink.js';
import type { StagingStore } from '../staging/staging-store.js';
import { allAnswered } from './all-answered.js';

type Adopting = Pick<StagingStore, 'adopt'>;

/**
 * Starts the chains of shards that the staging store does not know, at the last tokens that the database knows. The
 * shards are held meanwhile, so that no batch of theirs can be committed between the look and the start. Whoever is
 * told `uninitialised` while staging calls this, and stages again.
 *
 * @returns the shards that the staging store has forgotten: batches of theirs have been written, so they were there
 */
export async function adoptShards(
  shards: readonly number[],
  staging: Adopting,
  sink: ChangeSink,
): Promise<readonly number[]> {
  await using transaction = await sink.beginExclusive(shards);
  return await adoptHeld(transaction, staging);
}

/**
 * The same for a process that opens: ahead of its first flush, so that this needs no SQL. It waits for nobody: whoever
 * holds a shard now is at work in it, and adopts it by itself.
 */
export async function adoptFreeShards(
  shards: readonly number[],
  staging: Adopting,
  sink: ChangeSink,
): Promise<readonly number[]> {
  await using transaction = await sink.begin(shards);
  return await adoptHeld(transaction, staging);
}

async function adoptHeld({ held }: SinkTransaction, staging: Adopting): Promise<readonly number[]> {
  const adopted = await allAnswered(
    [...held].map(async ([shard, lastToken]) => {
      const wasNew = (await staging.adopt(shard, lastToken)) === 'adopted';
      return wasNew && lastToken !== ORIGIN ? shard : undefined;
    }),
  );
  return adopted.filter((shard) => shard !== undefined);
}
