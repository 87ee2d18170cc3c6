import type { SchedulerLike } from 'rxjs';
import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { ChangeSink, SinkTransaction } from '../sink/change-sink.js';
import { SinkRestart } from '../sink/sink-failure.js';
import type { Batch, Claim, FlushSide } from '../staging/flush-side.js';
import type { ChainSeen, LookSide } from '../staging/look-side.js';
import { allAnswered } from './all-answered.js';
import { askStaging } from './ask-staging.js';
import { type Ahead, claimAhead } from './claim-ahead.js';
import { compareChain } from './chain.js';
import { failureOf } from './failure.js';
import type { FlushReport, ShardResult } from './flush-report.js';
import type { PendingOthers } from './pending-others.js';
import { pendingParents } from './pending-parents.js';
import { lastOf, NOTHING_SPECIAL, outcomesOf } from './of-transaction.js';
import { rowsOf } from './rows-of.js';
import { ORIGIN, tokenAfter } from '../change/token.js';

/**
 * The steps of a flush, each named when it is done. A process can die after each, and another one must be able to go
 * on.
 */
export type FlushStep = 'claimed-ahead' | 'begun' | 'claimed' | 'checked' | 'written' | 'committed' | 'acknowledged';

/** The steps of writing rows in a transaction of the application, with the shard of the rows. */
export type PromoteStep = 'locked' | 'taken' | 'extended' | 'applied' | 'entered';

/**
 * Called after each step. The flush goes on when the promise resolves, and is cut off if it rejects. For fault tests.
 */
export type FlushSteps = (step: FlushStep | PromoteStep, shards: readonly number[]) => Promise<void>;

export interface FlushDeps {
  readonly staging: FlushSide & LookSide;
  readonly sink: ChangeSink;
  readonly scheduler: SchedulerLike;
  /**
   * A shard whose claim takes longer is left out: one hung staging server must not hold up a transaction over shards of
   * other servers. Milliseconds.
   */
  readonly claimTimeoutMs: number;
  readonly onStagingLoss: 'park' | 'apply';
  /** Tells for which refused rows other rows have to be waited for; if absent, for none. */
  readonly others?: PendingOthers;
  readonly steps?: FlushSteps;
  /** If absent, the flush claims nothing before it locks the shards. */
  readonly ahead?: Ahead;
  /**
   * True if the last question found rows that came before their parents. The question is then asked in advance, because
   * it is likely to find some again. Otherwise it would be one more round trip for nothing.
   */
  readonly missed?: { isLikely: boolean };
}

/**
 * Flushes some shards in one transaction of the sink, and answers the result of each. It never rejects.
 *
 * The transaction has locked the shards, so that no other transaction can commit a batch of theirs, and knows the last
 * token of each. A batch is in flight from its claim until its outcome, committed with its rows, has been acknowledged;
 * it is never released. Wherever a flush is cut off, the next flush therefore gets the same batch, and finds in the
 * ledger whether it has been written.
 *
 * @param limit most records of one new batch
 * @param isOfDrain its rows are likely to refer to rows that are pending elsewhere
 */
export async function flushShards(
  shards: readonly number[],
  limit: number,
  deps: FlushDeps,
  isOfDrain = false,
): Promise<FlushReport> {
  const flush = new Flush(shards, limit, deps, isOfDrain);
  try {
    await flush.write();
  } catch (error) {
    flush.fail(error);
  }
  await flush.acknowledge();
  return flush.results;
}

interface Claimed {
  /** The token that a new batch got. */
  readonly token: string;
  /** The shard was locked when the claim was sent. */
  readonly isLocked: boolean;
  readonly claim: Claim;
}

/** A committed batch, with the outcomes to acknowledge. */
interface Committed {
  readonly batch: Batch;
  readonly outcomes: BatchOutcome;
  readonly more: boolean;
  readonly databaseForgot: boolean;
}

class Flush {
  readonly results: Map<number, ShardResult> = new Map();
  readonly #shards: readonly number[];
  readonly #limit: number;
  readonly #isOfDrain: boolean;
  readonly #deps: FlushDeps;
  readonly #committed: Committed[] = [];
  /** Batches for this transaction to write. */
  readonly #batches: { readonly batch: Batch; readonly more: boolean; readonly databaseForgot: boolean }[] = [];
  /** Shard -> the batch that was claimed before the shard was locked. */
  #early: ReadonlyMap<number, Batch> = new Map();
  readonly #waitsFor = new Set<RowKey>();

  /** From here on a failure no longer means that nothing is committed. */
  #isCommitting = false;

  constructor(shards: readonly number[], limit: number, deps: FlushDeps, isOfDrain: boolean) {
    this.#isOfDrain = isOfDrain;
    this.#shards = shards;
    this.#limit = limit;
    this.#deps = deps;
  }

  /** Runs the transaction from `begin` to `commit`. */
  async write(): Promise<void> {
    using _slot = await this.#slot();
    const claimed = [...this.#early.values()].map(({ token }) => token);
    await using transaction = await this.#deps.sink.begin(this.#shards, claimed);
    for (const [shard, last] of transaction.locked) this.#deps.ahead?.lastTokens.set(shard, last);
    await this.#step('begun');
    await this.#claimAll(transaction);
    await this.#step('checked');
    if (this.#batches.length === 0) {
      return;
    }
    const { staging, scheduler, claimTimeoutMs, others } = this.#deps;
    const batches = this.#batches.map(({ batch }) => batch);
    const own = new Set(batches.flatMap(({ records }) => [...records.keys()]));
    const confirmed = this.#confirm(batches);
    const outcomes = await transaction.write(
      batches,
      async (keys) => {
        const pending = await pendingParents(keys, staging, claimTimeoutMs, scheduler);
        for (const key of pending) if (!own.has(key)) this.#waitsFor.add(key);
        if (this.#deps.missed) this.#deps.missed.isLikely = pending.size > 0;
        return pending;
      },
      others && ((rows) => others.of(rows, own)),
      this.#isOfDrain || this.#hasLeftOut() || this.#deps.missed?.isLikely === true,
    );
    await confirmed();
    for (const batch of batches) others?.note(batch, outcomes.get(batch.token) ?? NOTHING_SPECIAL);
    await this.#step('written');
    const committed = this.#batches.map((entry) => ({ ...entry, outcomes: outcomesOf(entry.batch, outcomes) }));
    this.#isCommitting = true;
    await transaction.commit();
    await this.#step('committed');
    for (const each of committed) this.#committed.push(each);
    for (const { batch } of committed) this.#deps.ahead?.lastTokens.set(batch.shard, batch.token);
  }

  /** A connection to write with. While all are at work, new batches are claimed. */
  async #slot(): Promise<Disposable | undefined> {
    const { ahead } = this.#deps;
    if (ahead === undefined) return undefined;
    const free = ahead.slots.takeFree();
    if (free) return free;
    this.#early = await claimAhead(this.#shards, this.#limit, ahead, this.#deps);
    this.#deps.sink.compose(this.#shards.flatMap((shard) => this.#early.get(shard) ?? []));
    await this.#step('claimed-ahead');
    return ahead.slots.take();
  }

  /**
   * Asks whether batches that were claimed before their shards were locked are as they were claimed. Somebody else may
   * have locked a shard in between, to throw records away or to add some. The question is on its way while the rows are
   * written; the answer is needed before the commit. If one of several servers does not answer, the shards of the
   * others begin again without it.
   */
  #confirm(batches: readonly Batch[]): () => Promise<void> {
    const early = batches.filter((batch) => this.#early.get(batch.shard) === batch);
    const answers = Promise.allSettled(
      early.map(async (batch) =>
        this.#ask(this.#deps.staging.isAsClaimed(batch.shard, batch), `A look at the batch of shard ${batch.shard}`),
      ),
    );
    return async () => {
      const ended = await answers;
      for (const [at, answer] of ended.entries())
        if (answer.status === 'rejected') this.#leaveOut(early[at]?.shard ?? 0, answer.reason);
      if (ended.some(({ status }) => status === 'rejected'))
        throw new SinkRestart(
          'A staging server did not say whether a batch that was claimed ahead is still as it was.',
        );
      if (ended.some((answer) => answer.status === 'fulfilled' && !answer.value))
        throw new SinkRestart('Somebody else has got a batch that was claimed ahead, or changed it.');
    };
  }

  /** True if a shard could not be claimed, or records are too many for one batch. */
  #hasLeftOut(): boolean {
    const isOut = [...this.results.values()].some(({ kind }) => kind === 'busy' || kind === 'failed');
    return isOut || this.#batches.some(({ more }) => more);
  }

  /** Every shard that has neither a result nor a committed batch has failed. */
  fail(error: unknown): void {
    const failure = failureOf(error);
    for (const shard of this.#shards) {
      if (!this.results.has(shard) && !this.#committed.some(({ batch }) => batch.shard === shard)) {
        const mayBeCommitted = this.#isCommitting && this.#batches.some(({ batch }) => batch.shard === shard);
        this.results.set(shard, { kind: 'failed', failure, mayBeCommitted });
      }
    }
  }

  /** Acknowledges by the ledger's outcomes, after the transaction: a slow staging server must not keep a connection. */
  async acknowledge(): Promise<void> {
    await Promise.all(
      this.#committed.map(async ({ batch, outcomes, more, databaseForgot }) => {
        try {
          const ours = await this.#deps.staging.acknowledge(
            batch.shard,
            batch.token,
            outcomes,
            rowsOf(batch),
            batch.records,
          );
          await this.#step('acknowledged', [batch.shard]);
          const waitsFor = this.#waitsFor.size > 0 ? { waitsFor: this.#waitsFor } : {};
          this.results.set(batch.shard, { kind: 'done', batch, outcomes, more, ours, databaseForgot, ...waitsFor });
        } catch (error) {
          this.results.set(batch.shard, { kind: 'failed', failure: failureOf(error), mayBeCommitted: true });
        }
      }),
    );
  }

  /** Sends all claims together, and judges their answers one by one. */
  async #claimAll(transaction: SinkTransaction): Promise<void> {
    const locked = this.#shards.filter((shard) => transaction.locked.has(shard));
    for (const shard of this.#shards) {
      if (!transaction.locked.has(shard)) {
        this.results.set(shard, { kind: 'busy' });
      }
    }
    const claims = await allAnswered(
      locked.map(async (shard) => this.#claimedAhead(shard) ?? this.#claim(shard, lastOf(transaction, shard))),
    );
    await this.#step('claimed');
    for (const [index, shard] of locked.entries()) {
      const claimed = claims[index];
      if (claimed !== undefined) {
        await this.#judge(transaction, shard, claimed).catch((error: unknown) => this.#leaveOut(shard, error));
      }
    }
  }

  #claimedAhead(shard: number): Claimed | undefined {
    const batch = this.#early.get(shard);
    return batch && { token: batch.token, isLocked: false, claim: { status: 'batch', batch } };
  }

  async #claim(shard: number, predecessor: string): Promise<Claimed | undefined> {
    const token = tokenAfter(predecessor);
    try {
      const claim = await this.#ask(
        this.#deps.staging.claim(shard, { token, predecessor, limit: this.#limit }),
        `The claim of shard ${shard}`,
      );
      return { token, isLocked: true, claim };
    } catch (error) {
      this.#leaveOut(shard, error);
      return undefined;
    }
  }

  /** A failure of the staging store concerns this shard alone; any other concerns the transaction. */
  #leaveOut(shard: number, error: unknown): void {
    const failure = failureOf(error);
    if (failure.kind !== 'staging') {
      throw error;
    }
    this.results.set(shard, { kind: 'failed', failure });
  }

  async #judge(transaction: SinkTransaction, shard: number, { token, isLocked, claim }: Claimed): Promise<void> {
    switch (claim.status) {
      case 'nothing':
        this.results.set(shard, { kind: 'nothing' });
        return;
      case 'batch':
        return this.#judgeBatch(transaction, claim.batch, claim.batch.token === token, isLocked);
      case 'broken':
        return this.#judgeEnd(transaction, shard, claim.seen);
      case 'uninitialised':
        return this.#adopt(transaction, shard);
    }
  }

  /**
   * Handles an emptied staging store. The shard is locked and its last token is known, so the chain can start here;
   * nothing can be staged in the shard before. If batches of it have been written, the staging store has lost it.
   */
  async #adopt(transaction: SinkTransaction, shard: number): Promise<void> {
    const last = lastOf(transaction, shard);
    await transaction.assertMap();
    const adopted = await this.#ask(this.#deps.staging.adopt(shard, last), `The adoption of shard ${shard}`);
    const isLoss = adopted === 'adopted' && last !== ORIGIN;
    this.results.set(shard, isLoss ? { kind: 'parked', report: { parked: 0, doubtful: 0 } } : { kind: 'nothing' });
  }

  /**
   * @param minted the batch bears the token that this flush has made
   * @param isLocked the shard was locked when the batch was claimed. A batch with a token of this flush then cannot be
   * in the ledger, so the ledger is not asked. (If another flush has taken the batch over and written it, this
   * transaction no longer has the lock, and its commit fails.) A batch that was claimed ahead may have been written by
   * another flush in between.
   */
  async #judgeBatch(transaction: SinkTransaction, batch: Batch, minted: boolean, isLocked = true): Promise<void> {
    const last = lastOf(transaction, batch.shard);
    const known =
      minted && isLocked
        ? undefined
        : ((await transaction.outcomeOf(batch.token)) ?? (batch.token === last ? NOTHING_SPECIAL : undefined));
    if (known !== undefined) {
      this.#committed.push({ batch, outcomes: known, more: true, databaseForgot: false });
      return;
    }
    const chain = compareChain(batch.predecessor, last);
    if (chain === 'staging-forgot') {
      await transaction.alive();
      return this.#park(batch.shard, { inFlight: batch.token, last: batch.predecessor }, last);
    }
    const more = !minted || batch.records.size + batch.unreadable.size >= this.#limit;
    this.#batches.push({ batch, more, databaseForgot: chain === 'database-forgot' });
  }

  /**
   * The chain is broken and nothing is in flight. First makes sure that the transaction still has the shard's lock;
   * otherwise it knows an old end of the chain. If the database has lost data, the staged records are not doubtful:
   * they are claimed as the next batch of the chain that the staging store knows.
   */
  async #judgeEnd(transaction: SinkTransaction, shard: number, seen: ChainSeen): Promise<void> {
    await transaction.alive();
    const last = lastOf(transaction, shard);
    if (compareChain(seen.last, last) !== 'database-forgot') {
      return this.#park(shard, seen, last);
    }
    const claimed = await this.#claim(shard, seen.last);
    if (claimed?.claim.status === 'batch') {
      return this.#judgeBatch(transaction, claimed.claim.batch, claimed.claim.batch.token === claimed.token);
    }
    if (claimed !== undefined) {
      this.results.set(shard, claimed.claim.status === 'nothing' ? { kind: 'nothing' } : { kind: 'busy' });
    }
  }

  /**
   * Call it only after a round trip has shown that the shard is still locked. Otherwise the chain may be whole, and
   * another flush at work on it.
   */
  async #park(shard: number, seen: ChainSeen, last: string): Promise<void> {
    const report = await this.#ask(
      this.#deps.staging.park(shard, seen, last, this.#deps.onStagingLoss),
      `The parking of shard ${shard}`,
    );
    this.results.set(shard, report === 'moved' ? { kind: 'busy' } : { kind: 'parked', report });
  }

  #ask<T>(answer: Promise<T>, what: string): Promise<T> {
    return askStaging(answer, this.#deps.claimTimeoutMs, what, this.#deps.scheduler);
  }

  async #step(step: FlushStep, shards: readonly number[] = this.#shards): Promise<void> {
    await this.#deps.steps?.(step, shards);
  }
}
