import type { SchedulerLike } from 'rxjs';
import { tokenAfter } from '../change/token.js';
import type { Batch, FlushSide } from '../staging/flush-side.js';
import { allAnswered } from './all-answered.js';
import { askStaging } from './ask-staging.js';
import type { Slots } from './slots.js';

/** What the flushes of a process share, so that one can claim while the others write. */
export interface Ahead {
  readonly slots: Slots;
  /** Shard -> the last token that this process knows of: another process may have committed a later one. */
  readonly lastTokens: Map<number, string>;
}

/** What a claim asks, and how long it waits for the answer, milliseconds. */
interface Asked {
  readonly staging: Pick<FlushSide, 'claim'>;
  readonly claimTimeoutMs: number;
  readonly scheduler: SchedulerLike;
}

/**
 * Claims new batches of shards that the caller has not locked yet. Everything is compared again under the lock: whether
 * the batch was written meanwhile, the chain, and whether the batch is as it was claimed. So an answer that is no batch
 * means nothing here; the caller claims again once it has locked the shard.
 */
export async function claimAhead(
  shards: readonly number[],
  limit: number,
  { lastTokens }: Ahead,
  { staging, claimTimeoutMs, scheduler }: Asked,
): Promise<ReadonlyMap<number, Batch>> {
  const claimed = new Map<number, Batch>();
  const claim = async (shard: number, predecessor: string): Promise<void> => {
    const request = { token: tokenAfter(predecessor), predecessor, limit, isAhead: true };
    const answer = staging.claim(shard, request);
    const given = await askStaging(answer, claimTimeoutMs, `The claim of shard ${shard}`, scheduler);
    if (given.status === 'batch') claimed.set(shard, given.batch);
  };
  const known = shards.flatMap((shard) => {
    const last = lastTokens.get(shard);
    return last === undefined ? [] : [{ shard, last }];
  });
  // A claim that fails, or is answered too late, is met again by the claim under the lock.
  await allAnswered(known.map(async ({ shard, last }) => claim(shard, last).catch(() => undefined)));
  return claimed;
}
