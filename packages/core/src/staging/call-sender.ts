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

  constructor(store: StagingStore, options: SenderOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Waits for room as `stage` would. `dropped`: the store could not be reached; a check never runs late. */
  async check(call: StageCall, rules: RulesByEntity): Promise<Delivery> {
    const delivery = await this.#until(call, rules, async () => this.#store.check(call), false);
    return delivery.status === 'unknown' ? { status: 'dropped' } : delivery;
  }

  /** `wasSent`: the call may have run before, under its id. */
  async stage(call: StageCall, rules: RulesByEntity, wasSent: boolean): Promise<Delivery> {
    const delivery = await this.#until(call, rules, async () => this.#store.stage(call), wasSent);
    return delivery.status === 'unknown' ? this.fence(call) : delivery;
  }

  /** `unknown`: the store does not answer even this. */
  async fence(call: StageCall): Promise<Delivery> {
    return this.#until(call, {}, async () => this.#store.fence(call.shard, call.id), true);
  }

  async #until(
    call: StageCall,
    rules: RulesByEntity,
    send: () => Promise<StageAnswer>,
    wasSent: boolean,
  ): Promise<Delivery> {
    const startedMs = performance.now();
    let mayHaveRun = wasSent;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const answer = await attempt(send);
      const elapsedMs = performance.now() - startedMs;
      let patienceMs = this.#options.stageTimeoutMs;
      if (answer.status === 'staged') return answer;
      if (answer.status === 'voided') return { status: 'dropped' };
      if (answer.status === 'failed') {
        if (answer.error.code === 'STAGING_TIMEOUT') mayHaveRun = true;
        else if (answer.error.code !== 'STAGING_UNAVAILABLE') patienceMs = 0;
      }
      if (answer.status === 'refused') patienceMs = longestWaitMs(answer.refusals, call, rules);
      if (elapsedMs >= patienceMs) return inTheEnd(answer, mayHaveRun);
      if (answer.status === 'uninitialised') await this.#options.adopt([call.shard]);
      await pause(pauseMs);
    }
  }
}

type Attempt = StageAnswer | { readonly status: 'failed'; readonly error: SpillwayError };

async function attempt(send: () => Promise<StageAnswer>): Promise<Attempt> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof SpillwayError) return { status: 'failed', error };
    throw error;
  }
}

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
