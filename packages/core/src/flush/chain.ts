import { positionOf } from '../change/token.js';

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
