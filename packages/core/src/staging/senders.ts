/**
 * Two ways of trying again. A call without an answer is sent again as it is, because it may have run (`CallSender`). A
 * unit whose answer does not count yet is asked for anew, in another call (`UnitSender`).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError, textOf } from '../errors.js';
import { CutOff, isPassing } from './staging-errors.js';
import type { GroupAnswer, Refusal, StageGroup, StageSide, StageUnit, UnitAnswer } from './stage-side.js';
import type { RulesByEntity } from './entity-rules.js';
import { pauses } from './pauses.js';
import type { Delivery, LostUnit } from './stage-result.js';

/** How the sending of a group, or of a hold, has ended. */
export type CallEnd =
  /** `wasLost`: an earlier copy got no answer, and may run yet. */
  | (Extract<GroupAnswer, { readonly status: 'judged' }> & { readonly wasLost?: true })
  /** Nothing was sent, or the server has said that it took nothing. */
  | { readonly status: 'not-run'; readonly error: Error }
  /** It was sent, has not run and never will. `error`: why it was called back. */
  | { readonly status: 'voided'; readonly error?: Error }
  /** It may have run, or may yet run. `cause`: why this process will not know. */
  | { readonly status: 'unknown'; readonly cause?: Error };

/** When a group was first sent, by the process's own clock. Shared: the caller may have another sender later. */
const sentAtMs = new WeakMap<StageGroup, number>();

/**
 * Sends what has left again, byte by byte, until it is answered or its time is up; then it is fenced (R11). A group
 * that has left never changes.
 */
export class CallSender {
  readonly #store: Pick<StageSide, 'fence' | 'remembersCallsMs'>;
  readonly #timeoutMs: number;
  #isClosed = false;

  /** @param timeoutMs how long a fence that is not answered is sent again, milliseconds */
  constructor(store: Pick<StageSide, 'fence' | 'remembersCallsMs'>, timeoutMs: number) {
    this.#store = store;
    this.#timeoutMs = timeoutMs;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The store is being closed: calls that fail from now on are not tried again. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * @param run sends a copy of it
   * @param endMs until when it is sent again, as `performance.now()` tells it
   * @param onFirst called when the first copy was answered, or has failed
   */
  async send(
    group: StageGroup,
    run: () => Promise<GroupAnswer>,
    endMs: number,
    onFirst?: () => void,
  ): Promise<CallEnd> {
    sentAtMs.set(group, performance.now());
    const first = await attempt(run);
    onFirst?.();
    if (first.status !== 'failed') return first;
    return mayRunAfter(first.error)
      ? this.#sendAgain(group, run, endMs, first.error)
      : { status: 'not-run', error: first.error };
  }

  async #sendAgain(
    group: StageGroup,
    run: () => Promise<GroupAnswer>,
    endMs: number,
    failure: Error,
  ): Promise<CallEnd> {
    let error = failure;
    for (const pauseMs of pauses()) {
      if (isStop(error)) return { status: 'unknown', cause: cutOff(error) };
      if (this.#isClosed || performance.now() >= endMs || !isPassing(error)) break;
      await pause(pauseMs);
      // The process may have stood still. What the store has forgotten would run a second time.
      if (this.isForgotten(group)) break;
      const answer = await attempt(run);
      if (answer.status === 'judged') return { ...answer, wasLost: true };
      if (answer.status === 'voided') return answer;
      error = answer.error;
    }
    const end = await this.fence(group);
    return end.status === 'voided' ? { ...end, error } : end;
  }

  /**
   * Makes sure that a group which has not run never will. `unknown`: the store does not answer either; or the group is
   * older than the store remembers, so `voided` would prove nothing.
   */
  async fence(group: StageGroup): Promise<CallEnd> {
    const endMs = performance.now() + this.#timeoutMs;
    for (const pauseMs of pauses()) {
      const answer = await attempt(async () => this.#store.fence(group));
      if (answer.status === 'voided' && this.isForgotten(group)) return { status: 'unknown' };
      if (answer.status !== 'failed') return answer;
      const { error } = answer;
      if (isStop(error)) return { status: 'unknown', cause: cutOff(error) };
      if (this.#isClosed || performance.now() >= endMs || !isPassing(error)) return { status: 'unknown' };
      await pause(pauseMs);
    }
    return { status: 'unknown' };
  }

  /** True if a group was sent so long ago that the store may have forgotten that it ran. */
  isForgotten(group: StageGroup): boolean {
    return performance.now() - (sentAtMs.get(group) ?? Number.NEGATIVE_INFINITY) >= this.#store.remembersCallsMs;
  }
}

type Attempt = GroupAnswer | { readonly status: 'failed'; readonly error: Error };

async function attempt(send: () => Promise<GroupAnswer>): Promise<Attempt> {
  try {
    return await send();
  } catch (error) {
    return { status: 'failed', error: error instanceof Error ? error : new Error(textOf(error)) };
  }
}

/** True if the call may have run in spite of the error. An unforeseen error proves nothing. */
function mayRunAfter(error: Error): boolean {
  return !(error instanceof SpillwayError) || error.code === 'STAGING_TIMEOUT' || error instanceof CutOff;
}

/** True if Spillway itself was stopped: the store will not be asked again. */
function isStop(error: Error): error is SpillwayError {
  return error instanceof SpillwayError && error.code === 'STOPPED';
}

/** An earlier copy of the call may have run, even if the last one was not sent. */
function cutOff(error: SpillwayError): CutOff {
  return error instanceof CutOff ? error : new CutOff('the staging store', error);
}

export interface SenderOptions {
  /** How long what has no answer is sent again, milliseconds. The fence after it may take as long again. */
  readonly stageTimeoutMs: number;
  /** Adopts shards that the store does not know: their chains begin at the database's last tokens. */
  readonly adopt: (shards: readonly number[]) => Promise<void>;
  /** Ends the holds of transactions that have ended: their processes may be dead. */
  readonly endHolds: () => Promise<unknown>;
}

/** What one try to stage a unit has come to. */
export type UnitEnd =
  | UnitAnswer
  | Extract<Delivery, { readonly status: 'staged' }>
  | Exclude<CallEnd, { readonly status: 'judged' | 'unknown' }>
  | { readonly status: 'unknown'; readonly lost: LostUnit; readonly cause?: Error };

/** What became of the unit in this place of a group. */
export function endOf(end: CallEnd, group: StageGroup, place: number): UnitEnd {
  if (end.status !== 'judged' && end.status !== 'unknown') return end;
  const unit = { changes: group.units[place]?.changes ?? [], group, place };
  if (end.status === 'unknown') return { ...end, lost: unit };
  const answer = end.units[place] as UnitAnswer;
  if (answer.status !== 'staged' || end.shortfall === undefined) return answer;
  return { ...answer, short: { ...unit, said: end.shortfall } };
}

/**
 * Tries to stage a unit until an answer counts, or its time is up. Each try is a new one, after a real answer: nothing
 * waits for room, for a hold or for the adoption of a shard while its group is on its way (R13, R15).
 */
export class UnitSender {
  readonly #options: SenderOptions;
  #isClosed = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** The store is being closed: what fails from now on is not tried again. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * @param ask tries once; `untilMs`: when the time of this try is up, as `performance.now()` tells it
   * @param signal once it is aborted, nothing is tried again
   */
  async send(
    unit: StageUnit,
    rules: RulesByEntity,
    ask: (untilMs: number) => Promise<UnitEnd>,
    signal?: AbortSignal,
  ): Promise<Delivery> {
    const startedMs = performance.now();
    const { stageTimeoutMs } = this.#options;
    const first = await ask(startedMs + stageTimeoutMs);
    if (first.status === 'staged') return first;
    let end: UnitEnd = first;
    for (const pauseMs of pauses()) {
      if (end.status === 'uninitialised') end = await this.#adopted(end);
      if (end.status === 'refused' && end.refusals.some(({ reason }) => reason === 'held')) await this.#endHolds();
      const patienceMs = this.#patienceMs(end, unit, rules);
      if (this.#isClosed || signal?.aborted || performance.now() - startedMs >= patienceMs) break;
      await pause(pauseMs, undefined, signal && { signal }).catch(() => undefined);
      if (signal?.aborted) break;
      end = await ask(performance.now() + stageTimeoutMs);
    }
    return deliveryOf(end);
  }

  /** Adopts the shards. If that fails, the failure is the answer: nothing was staged. */
  async #adopted(end: Extract<UnitEnd, { readonly status: 'uninitialised' }>): Promise<UnitEnd> {
    try {
      await this.#options.adopt(end.shards);
      return end;
    } catch (error) {
      return { status: 'not-run', error: error instanceof Error ? error : new TypeError('It cannot be adopted') };
    }
  }

  /** If the database does not answer, the holds stay as they are, and the wait goes on. */
  async #endHolds(): Promise<void> {
    await this.#options.endHolds().catch(() => undefined);
  }

  /** How long to try before such an end counts, milliseconds. */
  #patienceMs(end: UnitEnd, unit: StageUnit, rules: RulesByEntity): number {
    if (end.status === 'refused') return this.#longestWaitMs(end.refusals, unit, rules);
    const isOpen = end.status === 'uninitialised' || (end.status === 'not-run' && isPassing(end.error));
    return isOpen ? this.#options.stageTimeoutMs : 0;
  }

  /**
   * How long to wait before the refusals count, milliseconds: the shortest time of any. `held` waits for the end of a
   * transaction, as long as staging may take. `full` waits for room if the policy says `block`. Other reasons do not
   * wait.
   */
  #longestWaitMs(refusals: readonly Refusal[], { changes }: StageUnit, rules: RulesByEntity): number {
    const entityOf = new Map(changes.map((change) => [change.rowKey, change.entity]));
    const waits = refusals.map(({ rowKey, reason }) => {
      const rule = rules[entityOf.get(rowKey) ?? ''];
      if (reason === 'held') return this.#options.stageTimeoutMs;
      return reason === 'full' && rule?.onFull === 'block' ? rule.blockTimeoutMs : 0;
    });
    return waits.reduce((shortest, wait) => Math.min(shortest, wait), Number.POSITIVE_INFINITY);
  }
}

export function deliveryOf(end: UnitEnd): Delivery {
  switch (end.status) {
    case 'uninitialised':
      return { status: 'dropped' };
    case 'unusable':
    case 'not-run':
      return { status: 'dropped', cause: end.error };
    case 'voided':
      return { status: 'dropped', wasSent: true, ...(end.error && !isPassing(end.error) && { cause: end.error }) };
    default:
      return end;
  }
}
