import { positionOf } from '../change/token.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { LookSide } from '../staging/look-side.js';

/**
 * Compares the staging store's end of a shard's chain (the predecessor of its batch in flight, or the last token it has
 * acknowledged) with the database's end (the last committed token).
 *
 * - `whole`: they are the same batch
 * - `database-forgot`: the staging store is ahead. Only a committed batch is ever acknowledged, so the database had
 *   that batch and has lost it (a restore, a failover to a replica that lagged). The staged records are in no batch
 *   that the database still knows, so none of them can be applied twice.
 * - `staging-forgot`: the database is ahead, or they stand on two branches. All staged records are doubtful: each may
 *   be in a batch that was committed, and that the staging store has lost.
 *
 * The result is reliable only while the database's end is certain, that is, while the transaction that read it still
 * has locked the shard.
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
 * True if the staging store has lost a part of a shard's chain, as seen by a reader that has not locked the shard. A
 * batch that ends between the two questions looks the same, so the reader trusts the result only if it sees it twice.
 */
export async function hasForgotten(
  shard: number,
  staging: Pick<LookSide, 'chain'>,
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
