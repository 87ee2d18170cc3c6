import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError, textOf } from '../errors.js';
import type { RulesByEntity } from './stager.js';
import { CutOff, isPassing } from './staging-errors.js';
import type { HoldCall, Refusal, StageAnswer, StageCall } from './stage-side.js';
import type { StagingStore } from './staging-store.js';

export interface SenderOptions {
  /** How long a call without an answer is sent again, milliseconds. The fence after it may take as long again. */
  readonly stageTimeoutMs: number;
  /** Adopts shards that the store does not know: their chains begin at the database's last tokens. */
  readonly adopt: (shards: readonly number[]) => Promise<void>;
  /** Releases or drops holds of transactions that have ended: their processes may be dead. */
  readonly settleHolds: () => Promise<unknown>;
}

/** The result of one call. */
export type Delivery =
  | Extract<StageAnswer, { readonly status: 'staged' }>
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[] }
  /** It may have run, or may yet run. `cause`: why this process will not know. */
  | { readonly status: 'unknown'; readonly cause?: Error }
  /** It has not run, and will not. `cause`: the store's error, unless the store could just not be reached. */
  | { readonly status: 'dropped'; readonly cause?: Error; readonly wasSent?: boolean };

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** When a call was first sent, by the process's own clock. Shared, because the caller may have another sender later. */
const sentAtMs = new WeakMap<StageCall, number>();

/** Sends one call until it has an answer that counts, or its time is up. */
export class CallSender {
  readonly #store: StagingStore;
  readonly #options: SenderOptions;
  #isClosed = false;

  constructor(store: StagingStore, options: SenderOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** The store is being closed: calls that fail from now on are not tried again. */
  close(): void {
    this.#isClosed = true;
  }

  /** Waits for room as `stage` would. `dropped`: the store could not be reached; a check never runs late. */
  async check(call: StageCall, rules: RulesByEntity, signal?: AbortSignal): Promise<Delivery> {
    const { delivery, error } = await this.#until(call, rules, async () => this.#store.check(call), false, signal);
    return delivery.status === 'unknown' ? dropped(unforeseen(error)) : delivery;
  }

  /**
   * @param wasSent the call may have run before, under its id
   * @param signal once it is aborted, the call is not sent again. The sender still finds out what became of it
   */
  async stage(call: StageCall, rules: RulesByEntity, wasSent: boolean, signal?: AbortSignal): Promise<Delivery> {
    return this.#send(call, rules, async () => this.#store.stage(call), wasSent, signal);
  }

  /** The same for changes of a transaction that has not ended. */
  async hold(call: HoldCall, rules: RulesByEntity): Promise<Delivery> {
    return this.#send(call, rules, async () => this.#store.held.hold(call), false);
  }

  async #send(
    call: StageCall,
    rules: RulesByEntity,
    send: () => Promise<StageAnswer>,
    wasSent: boolean,
    signal?: AbortSignal,
  ): Promise<Delivery> {
    if (!wasSent) sentAtMs.set(call, performance.now());
    const { delivery, mayHaveRun, error } = await this.#until(call, rules, send, wasSent, signal);
    if (delivery.status === 'unknown' && isStop(error)) return { ...delivery, cause: cutOff(error) };
    if (delivery.status === 'unknown') return this.#fence(call, { ...dropped(unforeseen(error)), wasSent: true });
    // An earlier copy, whose answer did not come, may still be on its way, and find room.
    if (delivery.status === 'refused' && mayHaveRun) return this.#fence(call, delivery);
    return delivery;
  }

  /**
   * Fences a call. `unknown`: the store does not answer the fence either; or the call is older than the store
   * remembers, so `voided` would prove nothing.
   */
  async fence(call: StageCall): Promise<Delivery> {
    return this.#fence(call, { status: 'dropped' });
  }

  async #fence(call: StageCall, ifVoided: Delivery): Promise<Delivery> {
    const { delivery, error } = await this.#until(call, {}, async () => this.#store.fence(call.shard, call.id), true);
    if (delivery.status === 'unknown' && isStop(error)) return { ...delivery, cause: cutOff(error) };
    if (delivery.status !== 'dropped') return delivery;
    return this.isForgotten(call) ? { status: 'unknown' } : ifVoided;
  }

  /** True if a call was sent so long ago that the store may have forgotten that it ran. */
  isForgotten(call: StageCall): boolean {
    return performance.now() - (sentAtMs.get(call) ?? Number.NEGATIVE_INFINITY) >= this.#store.remembersCallsMs;
  }

  async #until(
    call: StageCall,
    rules: RulesByEntity,
    send: () => Promise<StageAnswer>,
    wasSent: boolean,
    signal?: AbortSignal,
  ): Promise<Ending> {
    const startedMs = performance.now();
    let mayHaveRun = wasSent;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      let answer = await attempt(send);
      if (answer.status === 'failed' && mayRunAfter(answer.error)) mayHaveRun = true;
      if (answer.status === 'uninitialised') answer = await this.#adopted(call, answer);
      if (answer.status === 'refused' && answer.refusals.some(({ reason }) => reason === 'held')) await this.#settled();
      const elapsedMs = performance.now() - startedMs;
      let patienceMs = this.#options.stageTimeoutMs;
      if (answer.status === 'staged') return { delivery: answer, mayHaveRun };
      if (answer.status === 'voided') return { delivery: { status: 'dropped' }, mayHaveRun };
      if (answer.status === 'failed' && !isPassing(answer.error)) patienceMs = 0;
      if (answer.status === 'refused') patienceMs = this.#longestWaitMs(answer.refusals, call, rules);
      if (this.#isClosed || signal?.aborted || elapsedMs >= patienceMs) return inTheEnd(answer, mayHaveRun);
      // A pause that is cut short ends the wait at the next answer.
      await pause(pauseMs, undefined, signal && { signal }).catch(() => undefined);
    }
  }

  /** Adopts the shard. If that fails, the failure is the answer: nothing was staged. */
  async #adopted(call: StageCall, answer: StageAnswer): Promise<Attempt> {
    return attempt(async () => {
      await this.#options.adopt([call.shard]);
      return answer;
    });
  }

  /** If the database does not answer, the holds stay as they are, and the wait goes on. */
  async #settled(): Promise<void> {
    await this.#options.settleHolds().catch(() => undefined);
  }

  /**
   * How long to wait before the refusals count, milliseconds: the shortest time of any. `held` waits for the end of a
   * transaction, as long as staging may take. `full` waits for room if the policy says `block`. Other reasons do not
   * wait.
   */
  #longestWaitMs(refusals: readonly Refusal[], call: StageCall, rules: RulesByEntity): number {
    const entityOf = new Map(call.changes.map((change) => [change.rowKey, change.entity]));
    const waits = refusals.map(({ rowKey, reason }) => {
      const rule = rules[entityOf.get(rowKey) ?? ''];
      if (reason === 'held') return this.#options.stageTimeoutMs;
      return reason === 'full' && rule?.onFull === 'block' ? rule.blockTimeoutMs : 0;
    });
    return waits.reduce((shortest, wait) => Math.min(shortest, wait), Number.POSITIVE_INFINITY);
  }
}

/** How the sending of a call has ended. `mayHaveRun`: one copy of it got no answer. `error`: the last failure. */
interface Ending {
  readonly delivery: Delivery;
  readonly mayHaveRun: boolean;
  readonly error?: Error;
}

type Attempt = StageAnswer | { readonly status: 'failed'; readonly error: Error };

/** Never rejects: the caller must hear what became of the other shards' calls, even if this one fails. */
async function attempt(send: () => Promise<StageAnswer>): Promise<Attempt> {
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

function inTheEnd(answer: Attempt, mayHaveRun: boolean): Ending {
  if (answer.status === 'refused') return { delivery: answer, mayHaveRun };
  const failed = answer.status === 'failed' ? { error: answer.error } : {};
  const delivery: Delivery = mayHaveRun ? { status: 'unknown' } : dropped(failed.error);
  return { delivery, mayHaveRun, ...failed };
}

/** True if Spillway itself was stopped: the store will not be asked again. */
function isStop(error: Error | undefined): error is SpillwayError {
  return error instanceof SpillwayError && error.code === 'STOPPED';
}

/** An earlier copy of the call may have run, even if the last one was not sent. */
function cutOff(error: SpillwayError): CutOff {
  return error instanceof CutOff ? error : new CutOff('the staging store', error);
}

/** The error, unless the store just could not be reached or did not answer: the summary of the calls says that. */
function unforeseen(error: Error | undefined): Error | undefined {
  return error !== undefined && isPassing(error) ? undefined : error;
}

function dropped(cause: Error | undefined): Extract<Delivery, { readonly status: 'dropped' }> {
  return cause === undefined ? { status: 'dropped' } : { status: 'dropped', cause };
}
