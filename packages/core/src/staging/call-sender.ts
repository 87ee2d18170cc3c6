import { setTimeout as pause } from 'node:timers/promises';
import type { RowKey } from '../change/row-key.js';
import type { VersionText } from '../change/change.js';
import { SpillwayError } from '../errors.js';
import type { RulesByEntity } from './stager.js';
import type { Refusal, StageAnswer, StageCall, StagingStore } from './staging-store.js';

export interface SenderOptions {
  /** How long a call without an answer is sent again, and then how long it is tried to fence it. */
  readonly stageTimeoutMs: number;
  /** Gives shards that the store does not know a chain that begins where the database is. */
  readonly adopt: (shards: readonly number[]) => Promise<void>;
}

/** What became of one call. */
export type Delivery =
  | { readonly status: 'staged'; readonly versions: ReadonlyMap<RowKey, VersionText> }
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[] }
  /** It may have run, or may yet run. */
  | { readonly status: 'unknown' }
  /** It has not run, and will not. `cause`: what the store said, if it is more than that it could not be reached. */
  | { readonly status: 'dropped'; readonly cause?: SpillwayError };

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** Sends one call until it has an answer that counts, or its time is up. */
export class CallSender {
  readonly #store: StagingStore;
  readonly #options: SenderOptions;
  /** When a call was first on its way, by the process's own clock. */
  readonly #sentAtMs = new WeakMap<StageCall, number>();

  constructor(store: StagingStore, options: SenderOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Waits for room as `stage` would. `dropped`: the store could not be reached; a check never runs late. */
  async check(call: StageCall, rules: RulesByEntity): Promise<Delivery> {
    const { delivery } = await this.#until(call, rules, async () => this.#store.check(call), false);
    return delivery.status === 'unknown' ? { status: 'dropped' } : delivery;
  }

  /** `wasSent`: the call may have run before, under its id. */
  async stage(call: StageCall, rules: RulesByEntity, wasSent: boolean): Promise<Delivery> {
    if (!wasSent) this.#sentAtMs.set(call, performance.now());
    const { delivery, mayHaveRun } = await this.#until(call, rules, async () => this.#store.stage(call), wasSent);
    // A copy whose answer was lost may still be on its way: a refusal counts only once that copy has been stopped.
    if (delivery.status !== 'unknown' && !(delivery.status === 'refused' && mayHaveRun)) return delivery;
    const fenced = await this.fence(call);
    return delivery.status === 'refused' && fenced.status === 'dropped' ? delivery : fenced;
  }

  /**
   * `unknown`: the store does not answer even this; or the call is older than the store remembers, so that not to know it means nothing.
   */
  async fence(call: StageCall): Promise<Delivery> {
    const { delivery } = await this.#until(call, {}, async () => this.#store.fence(call.shard, call.id), true);
    return delivery.status === 'dropped' && this.isForgotten(call) ? { status: 'unknown' } : delivery;
  }

  /** Whether a call was sent so long ago that the store may have forgotten that it ran. */
  isForgotten(call: StageCall): boolean {
    return performance.now() - (this.#sentAtMs.get(call) ?? Number.NEGATIVE_INFINITY) >= this.#store.remembersCallsMs;
  }

  async #until(
    call: StageCall,
    rules: RulesByEntity,
    send: () => Promise<StageAnswer>,
    wasSent: boolean,
  ): Promise<{ readonly delivery: Delivery; readonly mayHaveRun: boolean }> {
    const startedMs = performance.now();
    let mayHaveRun = wasSent;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const answer = await this.#attempt(call, send);
      const elapsedMs = performance.now() - startedMs;
      let patienceMs = this.#options.stageTimeoutMs;
      if (answer.status === 'staged') return { delivery: answer, mayHaveRun };
      if (answer.status === 'voided') return { delivery: { status: 'dropped' }, mayHaveRun };
      if (answer.status === 'failed') {
        if (answer.error.code === 'STAGING_TIMEOUT') mayHaveRun = true;
        else if (answer.error.code !== 'STAGING_UNAVAILABLE') patienceMs = 0;
      }
      if (answer.status === 'refused') patienceMs = longestWaitMs(answer.refusals, call, rules);
      if (elapsedMs >= patienceMs) return { delivery: inTheEnd(answer, mayHaveRun), mayHaveRun };
      await pause(pauseMs);
    }
  }

  /** Never rejects: other calls of the unit of work may have been accepted, and their fate must not be lost in an error. */
  async #attempt(call: StageCall, send: () => Promise<StageAnswer>): Promise<Attempt> {
    try {
      const answer = await send();
      if (answer.status === 'uninitialised') await this.#adopt(call.shard);
      return answer;
    } catch (error) {
      if (error instanceof SpillwayError) return { status: 'failed', error };
      const text = `Staging in shard ${call.shard} failed in a way that nobody has foreseen: ${String(error)}`;
      return { status: 'failed', error: new SpillwayError('STAGING_TIMEOUT', text, { cause: error }) };
    }
  }

  async #adopt(shard: number): Promise<void> {
    try {
      await this.#options.adopt([shard]);
    } catch (error) {
      if (error instanceof SpillwayError) throw error;
      const text = `Shard ${shard} is empty in the staging store, and PostgreSQL could not be asked where its chain goes on: ${String(error)}`;
      throw new SpillwayError('STAGING_UNAVAILABLE', text, { cause: error });
    }
  }
}

type Attempt = StageAnswer | { readonly status: 'failed'; readonly error: SpillwayError };

function inTheEnd(answer: Attempt, mayHaveRun: boolean): Delivery {
  if (answer.status === 'refused') return answer;
  if (mayHaveRun) return { status: 'unknown' };
  return answer.status === 'failed' ? { status: 'dropped', cause: answer.error } : { status: 'dropped' };
}

/** Room can be waited for where every refusal is for want of it, and the policies say so. */
function longestWaitMs(refusals: readonly Refusal[], call: StageCall, rules: RulesByEntity): number {
  const entityOf = new Map(call.changes.map((change) => [change.rowKey, change.entity]));
  const waits = refusals.map(({ rowKey, reason }) => {
    const rule = rules[entityOf.get(rowKey) ?? ''];
    return reason === 'full' && rule?.onFull === 'block' ? rule.blockTimeoutMs : 0;
  });
  return Math.min(...waits);
}
