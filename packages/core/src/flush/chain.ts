import { positionOf } from '../change/token.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { StagingStore } from '../staging/staging-store.js';

/**
 * How the staging store's end of a shard's chain (the predecessor of its batch in flight, or the last token it has
 * acknowledged) lies to the database's end (the last committed token).
 *
 * - `whole`: they are the same batch
 * - `database-forgot`: the staging store is ahead. Only a committed batch is ever acknowledged, so the database has had
 *   that batch and has lost it (a restore, a failover to a replica that lagged). What is staged is in no batch that the
 *   database still knows, so nothing of it can be applied twice.
 * - `staging-forgot`: the database is ahead, or they stand on two branches. What is staged may be in a batch that was
 *   committed and forgotten here: doubtful, all of it.
 *
 * It may only be believed while the database's end is certain, that is, while the transaction that read it still holds
 * the shard.
 */
export type ChainState = 'whole' | 'database-forgot' | 'staging-forgot';

export function compareChain(stagingEnd: string, databaseEnd: string): ChainState {
  if (stagingEnd === databaseEnd) {
    return 'whole';
  }
  const staging = positionOf(stagingEnd);
  const database = positionOf(databaseEnd);
  const ahead = staging !== undefined && database !== undefined && staging > database;
  return ahead ? 'database-forgot' : 'staging-forgot';
}

/**
 * Whether the staging store has forgotten a part of a shard's chain, as far as a reader can tell that holds nothing. A batch
 * that ends between the two questions looks the same, so the reader believes it only if it sees it twice.
 */
export async function hasForgotten(
  shard: number,
  staging: Pick<StagingStore, 'chain'>,
  sink: Pick<ChangeSink, 'lastTokens'>,
): Promise<boolean> {
  for (let look = 1; look <= 2; look++) {
    const seen = await staging.chain(shard);
    const last = (await sink.lastTokens([shard])).get(shard);
    if (seen === undefined || last === undefined || last === seen.inFlight) return false;
    if (compareChain(seen.last, last) !== 'staging-forgot') return false;
  }
  return true;
}
