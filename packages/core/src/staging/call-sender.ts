import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError, textOf } from '../errors.js';
import type { RulesByEntity } from './stager.js';
import { CutOff, isPassing } from './staging-errors.js';
import type { HoldCall, Refusal, StageAnswer, StageCall, StagingStore } from './staging-store.js';

export interface SenderOptions {
  /** How long a call without an answer is sent again, and then how long it is tried to fence it. */
  readonly stageTimeoutMs: number;
  /** Gives shards that the store does not know a chain that begins where the database is. */
  readonly adopt: (shards: readonly number[]) => Promise<void>;
  /** Ends what transactions hold that have ended: whoever made it may be dead. */
  readonly settleHolds: () => Promise<unknown>;
}

/** What became of one call. */
export type Delivery =
  | Extract<StageAnswer, { readonly status: 'staged' }>
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[] }
  /** It may have run, or may yet run. `cause`: why nobody will know here. */
  | { readonly status: 'unknown'; readonly cause?: Error }
  /** It has not run, and will not. `cause`: what the store said, if it is more than that it could not be reached. */
  | { readonly status: 'dropped'; readonly cause?: Error; readonly wasSent?: boolean };

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** When a call was first on its way, by the process's own clock. The caller may have another sender by then. */
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

  /** The store is being closed: whatever fails now is not tried again. */
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
   * @param signal once it is aborted, the call is not sent again. What became of it is found out all the same
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

  /** `unknown`: the store does not answer even this; or the call is older than the store remembers, so that not to know it means nothing. */
  async fence(call: StageCall): Promise<Delivery> {
    return this.#fence(call, { status: 'dropped' });
  }

  async #fence(call: StageCall, ifVoided: Delivery): Promise<Delivery> {
    const { delivery, error } = await this.#until(call, {}, async () => this.#store.fence(call.shard, call.id), true);
    if (delivery.status === 'unknown' && isStop(error)) return { ...delivery, cause: cutOff(error) };
    if (delivery.status !== 'dropped') return delivery;
    return this.isForgotten(call) ? { status: 'unknown' } : ifVoided;
  }

  /** Whether a call was sent so long ago that the store may have forgotten that it ran. */
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

  /** The answer stands if its shard has a chain now. Whoever could not adopt it has not staged anything either. */
  async #adopted(call: StageCall, answer: StageAnswer): Promise<Attempt> {
    return attempt(async () => {
      await this.#options.adopt([call.shard]);
      return answer;
    });
  }

  /** A database that does not answer leaves them as they are, and the wait goes on. */
  async #settled(): Promise<void> {
    await this.#options.settleHolds().catch(() => undefined);
  }

  /** Room can be waited for where every refusal is for want of it, and the policies say so; and the end of a transaction as long as staging may take. */
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

/** How the sending of a call has ended. `mayHaveRun`: a copy of it was not answered. `error`: what the store said last, if it failed. */
interface Ending {
  readonly delivery: Delivery;
  readonly mayHaveRun: boolean;
  readonly error?: Error;
}

type Attempt = StageAnswer | { readonly status: 'failed'; readonly error: Error };

/** Never rejects: what became of the other shards' calls must reach the caller, whatever happens to this one. */
async function attempt(send: () => Promise<StageAnswer>): Promise<Attempt> {
  try {
    return await send();
  } catch (error) {
    return { status: 'failed', error: error instanceof Error ? error : new Error(textOf(error)) };
  }
}

/** What nobody has foreseen does not say that the call has not run. */
function mayRunAfter(error: Error): boolean {
  return !(error instanceof SpillwayError) || error.code === 'STAGING_TIMEOUT' || error instanceof CutOff;
}

function inTheEnd(answer: Attempt, mayHaveRun: boolean): Ending {
  if (answer.status === 'refused') return { delivery: answer, mayHaveRun };
  const failed = answer.status === 'failed' ? { error: answer.error } : {};
  const delivery: Delivery = mayHaveRun ? { status: 'unknown' } : dropped(failed.error);
  return { delivery, mayHaveRun, ...failed };
}

/** Our own end: the store will not be asked again. */
function isStop(error: Error | undefined): error is SpillwayError {
  return error instanceof SpillwayError && error.code === 'STOPPED';
}

/** An earlier copy of the call may have run, also where the last one was not sent any more. */
function cutOff(error: SpillwayError): CutOff {
  return error instanceof CutOff ? error : new CutOff('the staging store', error);
}

/** That a store did not answer is said by whoever sums up; anything else has to be heard. */
function unforeseen(error: Error | undefined): Error | undefined {
  return error !== undefined && isPassing(error) ? undefined : error;
}

function dropped(cause: Error | undefined): Extract<Delivery, { readonly status: 'dropped' }> {
  return cause === undefined ? { status: 'dropped' } : { status: 'dropped', cause };
}
