import { ORIGIN } from '../change/token.js';
import type { ChangeSink, SinkTransaction } from '../sink/change-sink.js';
import type { FlushSide } from '../staging/flush-side.js';
import { isPassing } from '../staging/staging-errors.js';
import { allAnswered } from './all-answered.js';

type Adopting = Pick<FlushSide, 'adopt'>;

/**
 * Starts the chains of shards that the staging store does not know, at the last tokens that the database knows. The
 * transaction keeps the shards locked meanwhile, so that none of their batches can be committed between the look and
 * the start. A caller that is told `uninitialised` while staging calls this, and stages again.
 *
 * @returns the shards that the staging store has lost: batches of theirs have been written, so it had them once
 */
export async function adoptShards(
  shards: readonly number[],
  staging: Adopting,
  sink: ChangeSink,
): Promise<readonly number[]> {
  await using transaction = await sink.beginExclusive(shards);
  return await adoptLocked(transaction, staging);
}

/**
 * The same for a process that opens: it runs before the first flush, so that the flush needs no SQL for it. It does not
 * wait for shards that another process has locked: that process adopts them itself.
 */
export async function adoptFreeShards(
  shards: readonly number[],
  staging: Adopting,
  sink: ChangeSink,
): Promise<readonly number[]> {
  await using transaction = await sink.begin(shards);
  await transaction.assertMap();
  const answers = await Promise.allSettled(adoptions(transaction, staging));
  // Of several servers one may be away. The first flush or stage call that meets a shard of it adopts the shard.
  const isThere = answers.some(({ status }) => status === 'fulfilled');
  return lostOnes(
    answers.map((answer) => {
      if (answer.status === 'fulfilled') return answer.value;
      if (isThere && isPassing(answer.reason)) return undefined;
      throw answer.reason;
    }),
  );
}

async function adoptLocked(transaction: SinkTransaction, staging: Adopting): Promise<readonly number[]> {
  await transaction.assertMap();
  return lostOnes(await allAnswered(adoptions(transaction, staging)));
}

/** Each answers its shard if the staging store has lost it. */
function adoptions({ locked }: SinkTransaction, staging: Adopting): readonly Promise<number | undefined>[] {
  return [...locked].map(async ([shard, lastToken]) => {
    const wasNew = (await staging.adopt(shard, lastToken)) === 'adopted';
    return wasNew && lastToken !== ORIGIN ? shard : undefined;
  });
}

function lostOnes(adopted: readonly (number | undefined)[]): readonly number[] {
  return adopted.filter((shard) => shard !== undefined);
}
