import { setTimeout as pause } from 'node:timers/promises';
import type { CallEnd } from './call-sender.js';
import type { RulesByEntity } from './entity-rules.js';
import { pauses } from './pauses.js';
import { isPassing } from './staging-errors.js';
import type { Delivery, LostUnit } from './stage-result.js';
import type { Refusal, StageGroup, StageUnit, UnitAnswer } from './stage-side.js';

export interface SenderOptions {
  /** How long what has no answer is sent again, milliseconds. The fence after it may take as long again. */
  readonly stageTimeoutMs: number;
  /** Adopts shards that the store does not know: their chains begin at the database's last tokens. */
  readonly adopt: (shards: readonly number[]) => Promise<void>;
  /** Releases or drops holds of transactions that have ended: their processes may be dead. */
  readonly settleHolds: () => Promise<unknown>;
}

/** What one try to stage a unit has come to. */
export type UnitEnd =
  | UnitAnswer
  | Exclude<CallEnd, { readonly status: 'judged' | 'unknown' }>
  | { readonly status: 'unknown'; readonly lost: LostUnit; readonly cause?: Error };

/** What became of the unit in this place of a group. */
export function endOf(end: CallEnd, group: StageGroup, place: number): UnitEnd {
  if (end.status === 'judged') return end.units[place] as UnitAnswer;
  if (end.status !== 'unknown') return end;
  return { ...end, lost: { changes: group.units[place]?.changes ?? [], group, place } };
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
      if (end.status === 'refused' && end.refusals.some(({ reason }) => reason === 'held')) await this.#settled();
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
  async #settled(): Promise<void> {
    await this.#options.settleHolds().catch(() => undefined);
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
