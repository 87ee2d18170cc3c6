import type { SchedulerLike } from 'rxjs';
import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { ChangeSink, SinkTransaction } from '../sink/change-sink.js';
import type { Batch, ChainSeen, Claim, StagingStore } from '../staging/staging-store.js';
import { allAnswered } from './all-answered.js';
import { askStaging } from './ask-staging.js';
import { compareChain } from './chain.js';
import { failureOf } from './failure.js';
import type { FlushReport, ShardResult } from './flush-report.js';
import type { PendingOthers } from './pending-others.js';
import { pendingParents } from './pending-parents.js';
import { lastOf, NOTHING_SPECIAL, outcomesOf } from './of-transaction.js';
import { rowsOf } from './rows-of.js';
import { ORIGIN, tokenAfter } from '../change/token.js';

/** The steps of a flush, each named when it has been done: where a process can die and another must go on. */
export type FlushStep = 'begun' | 'claimed' | 'checked' | 'written' | 'committed' | 'acknowledged';

/** The steps of writing rows in a transaction of the application, with the shard that they are of. */
export type PromoteStep = 'held' | 'taken' | 'extended' | 'applied' | 'entered';

/** Called after each step; the flush goes on when it resolves, and is cut off there if it rejects. For fault tests. */
export type FlushSteps = (step: FlushStep | PromoteStep, shards: readonly number[]) => Promise<void>;

export interface FlushDeps {
  readonly staging: StagingStore;
  readonly sink: ChangeSink;
  readonly scheduler: SchedulerLike;
  /**
   * A shard whose claim takes longer is left out: one hung staging server must not hold up a transaction over shards of
   * others. Milliseconds.
   */
  readonly claimTimeoutMs: number;
  readonly onStagingLoss: 'park' | 'apply';
  /** For which refused rows others have to be waited for; where it is absent, for none. */
  readonly others?: PendingOthers;
  readonly steps?: FlushSteps;
  /**
   * Whether rows came before their parents when it was asked last. It is asked beforehand then: what happens once is
   * likely to happen again, and else the question would be one more round trip for nothing.
   */
  readonly missed?: { isLikely: boolean };
}

/**
 * Flushes some shards in one transaction of the sink, and answers what became of each. It never rejects.
 *
 * The transaction holds the shards, so that nobody else can commit a batch of theirs, and knows the last token of each.
 * A batch is in flight from its claim until its outcome, committed with its rows, has been acknowledged; nothing is
 * ever released. So wherever this is cut off, the next flush is handed the same batch and finds in the ledger whether
 * it has been written.
 *
 * @param limit most records of one new batch
 * @param isPart rows of these shards are likely to refer to rows that are pending in others
 */
export async function flushShards(
  shards: readonly number[],
  limit: number,
  deps: FlushDeps,
  isPart = false,
): Promise<FlushReport> {
  const flush = new Flush(shards, limit, deps, isPart);
  try {
    await flush.write();
  } catch (error) {
    flush.fail(error);
  }
  await flush.acknowledge();
  return flush.results;
}

/** A batch that is committed, with what is to be acknowledged. */
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
  readonly #isPart: boolean;
  readonly #deps: FlushDeps;
  readonly #committed: Committed[] = [];
  /** Batches for this transaction to write. */
  readonly #batches: { readonly batch: Batch; readonly more: boolean; readonly databaseForgot: boolean }[] = [];
  readonly #waitsFor = new Set<RowKey>();

  /** From here on a failure does not say that nothing is committed. */
  #isCommitting = false;

  constructor(shards: readonly number[], limit: number, deps: FlushDeps, isPart: boolean) {
    this.#isPart = isPart;
    this.#shards = shards;
    this.#limit = limit;
    this.#deps = deps;
  }

  /** From `begin` to `commit`. */
  async write(): Promise<void> {
    await using transaction = await this.#deps.sink.begin(this.#shards);
    await this.#step('begun');
    await this.#claimAll(transaction);
    await this.#step('checked');
    if (this.#batches.length === 0) {
      return;
    }
    const { staging, scheduler, claimTimeoutMs, others } = this.#deps;
    const batches = this.#batches.map(({ batch }) => batch);
    const own = new Set(batches.flatMap(({ records }) => [...records.keys()]));
    const outcomes = await transaction.write(
      batches,
      async (keys) => {
        const pending = await pendingParents(keys, staging, claimTimeoutMs, scheduler);
        for (const key of pending) if (!own.has(key)) this.#waitsFor.add(key);
        if (this.#deps.missed) this.#deps.missed.isLikely = pending.size > 0;
        return pending;
      },
      others && ((rows) => others.of(rows, own)),
      this.#isPart || this.#hasLeftOut() || this.#deps.missed?.isLikely === true,
    );
    for (const batch of batches) others?.note(batch, outcomes.get(batch.token) ?? NOTHING_SPECIAL);
    await this.#step('written');
    const committed = this.#batches.map((entry) => ({ ...entry, outcomes: outcomesOf(entry.batch, outcomes) }));
    this.#isCommitting = true;
    await transaction.commit();
    await this.#step('committed');
    for (const each of committed) this.#committed.push(each);
  }

  /** A shard that was not to be had, or records that are too many for one batch. */
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

  /** On the ledger's word, and no longer in the transaction: a slow staging server must not keep a connection. */
  async acknowledge(): Promise<void> {
    await Promise.all(
      this.#committed.map(async ({ batch, outcomes, more, databaseForgot }) => {
        try {
          const ours = await this.#deps.staging.acknowledge(batch.shard, batch.token, outcomes, rowsOf(batch));
          await this.#step('acknowledged', [batch.shard]);
          const waitsFor = this.#waitsFor.size > 0 ? { waitsFor: this.#waitsFor } : {};
          this.results.set(batch.shard, { kind: 'done', batch, outcomes, more, ours, databaseForgot, ...waitsFor });
        } catch (error) {
          this.results.set(batch.shard, { kind: 'failed', failure: failureOf(error), mayBeCommitted: true });
        }
      }),
    );
  }

  /** Claims are on their way together; what they answer is then judged one by one. */
  async #claimAll(transaction: SinkTransaction): Promise<void> {
    const held = this.#shards.filter((shard) => transaction.held.has(shard));
    for (const shard of this.#shards) {
      if (!transaction.held.has(shard)) {
        this.results.set(shard, { kind: 'busy' });
      }
    }
    const claims = await allAnswered(held.map(async (shard) => this.#claim(shard, lastOf(transaction, shard))));
    await this.#step('claimed');
    for (const [index, shard] of held.entries()) {
      const claimed = claims[index];
      if (claimed !== undefined) {
        await this.#judge(transaction, shard, claimed).catch((error: unknown) => this.#leaveOut(shard, error));
      }
    }
  }

  async #claim(
    shard: number,
    predecessor: string,
  ): Promise<{ readonly token: string; readonly claim: Claim } | undefined> {
    const token = tokenAfter(predecessor);
    try {
      const claim = await this.#ask(
        this.#deps.staging.claim(shard, { token, predecessor, limit: this.#limit }),
        `The claim of shard ${shard}`,
      );
      return { token, claim };
    } catch (error) {
      this.#leaveOut(shard, error);
      return undefined;
    }
  }

  /** Trouble with the staging store concerns this shard alone; any other concerns the transaction. */
  #leaveOut(shard: number, error: unknown): void {
    const failure = failureOf(error);
    if (failure.kind !== 'staging') {
      throw error;
    }
    this.results.set(shard, { kind: 'failed', failure });
  }

  async #judge(
    transaction: SinkTransaction,
    shard: number,
    { token, claim }: { readonly token: string; readonly claim: Claim },
  ): Promise<void> {
    switch (claim.status) {
      case 'nothing':
        this.results.set(shard, { kind: 'nothing' });
        return;
      case 'batch':
        return this.#judgeBatch(transaction, claim.batch, claim.batch.token === token);
      case 'broken':
        return this.#judgeEnd(transaction, shard, claim.seen);
      case 'uninitialised':
        return this.#adopt(shard, lastOf(transaction, shard));
    }
  }

  /**
   * An emptied staging store. The shard is held and its last token known, so the chain can start here; nothing can be
   * staged in it before. If batches of it have been written, it was there, and has been forgotten.
   */
  async #adopt(shard: number, last: string): Promise<void> {
    const adopted = await this.#ask(this.#deps.staging.adopt(shard, last), `The adoption of shard ${shard}`);
    const isLoss = adopted === 'adopted' && last !== ORIGIN;
    this.results.set(shard, isLoss ? { kind: 'parked', report: { parked: 0, doubtful: 0 } } : { kind: 'nothing' });
  }

  /**
   * @param minted the batch bears the token that this flush has just made: it cannot be in the ledger, which is not
   * asked. (Should another flush have taken the batch over and written it, this transaction no longer holds the shard,
   * and its commit fails.)
   */
  async #judgeBatch(transaction: SinkTransaction, batch: Batch, minted: boolean): Promise<void> {
    const last = lastOf(transaction, batch.shard);
    const known = minted
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
   * The chain is broken and nothing is in flight. If it is so: a transaction that no longer holds the shard knows an
   * old end of it. A database that has forgotten is no reason to doubt what is staged: it is claimed as the next batch
   * of the chain that the staging store knows.
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
   * Comes after a round trip has shown that the shard is still held: else the chain may be whole, and somebody else at
   * work on it.
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
