import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type {
  ChainSeen,
  Claim,
  ClaimRequest,
  DeadLetterStore,
  DueRecords,
  EmptyReport,
  EmptyScope,
  ExtendRequest,
  Extension,
  HeldChanges,
  ParkReport,
  Settlement,
  Pending,
  StageAnswer,
  StageCall,
  StagedMark,
  StagedPolicies,
  StagingStats,
  StagingStore,
} from '../staging/staging-store.js';
import { askAgain } from '../staging/ask-again.js';
import type { RowCache } from '../staging/row-cache.js';
import type { HoldKeeper } from './hold-keeper.js';

/**
 * The staging store for callers that ask for pending changes. The changes of a committed transaction count as staged,
 * even if they are not released yet. A caller that meets a hold therefore first finds out whether its transaction has
 * ended. The store is asked again after a connection was lost.
 */
export class SettledStaging implements StagingStore {
  readonly #store: StagingStore;
  readonly #keeper: HoldKeeper;
  readonly #patienceMs: () => number;
  readonly due: DueRecords;

  /**
   * @param patienceMs how long the store is asked again while it cannot be reached; `0`: it is asked once. Read at each
   * question, since the patience may have ended
   */
  constructor(store: StagingStore, keeper: HoldKeeper, patienceMs: () => number) {
    this.#store = store;
    this.#keeper = keeper;
    this.#patienceMs = patienceMs;
    this.due = {
      next: async () => store.due.next(),
      // One command if nothing is pending and nothing is held.
      any: async (scope) =>
        (await this.#ask(async () => store.due.any(scope))) && this.#settled(async () => store.due.any(scope)),
      make: async (scope) => this.#settled(async () => store.due.make(scope)),
      pending: async (watermarks) => this.#ask(async () => store.due.pending(watermarks)),
      rows: async (scope, shards, which) => this.#ask(async () => store.due.rows(scope, shards, which)),
    };
  }

  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    return askAgain(ask, this.#patienceMs);
  }

  async peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>> {
    const found = await this.#ask(async () => this.#store.peek(keys));
    const isMet = [...found.values()].some(({ held = [] }) =>
      held.some(({ transaction }) => !this.#keeper.isRunningHere(transaction)),
    );
    if (!isMet) return found;
    await this.#keeper.settle();
    return this.#ask(async () => this.#store.peek(keys));
  }

  /**
   * Holds are listed before the pending changes are read: in the other order, neither would show a release in between.
   */
  async #settled<T>(ask: () => Promise<T>): Promise<T> {
    const [holds, answer] = await this.#ask(async () => Promise.all([this.#store.held.list(), ask()]));
    if (holds.every(({ transaction }) => this.#keeper.isRunningHere(transaction))) return answer;
    await this.#keeper.settle();
    return this.#ask(ask);
  }

  get shards(): number {
    return this.#store.shards;
  }

  get remembersCallsMs(): number {
    return this.#store.remembersCallsMs;
  }

  get policies(): StagedPolicies {
    return this.#store.policies;
  }

  get held(): HeldChanges {
    return this.#store.held;
  }

  get cache(): RowCache {
    return this.#store.cache;
  }

  get deadLetters(): DeadLetterStore {
    return this.#store.deadLetters;
  }

  async adopt(shard: number, lastToken: string): Promise<'adopted' | 'present'> {
    return this.#store.adopt(shard, lastToken);
  }

  async check(call: StageCall): Promise<StageAnswer> {
    return this.#store.check(call);
  }

  async stage(call: StageCall): Promise<StageAnswer> {
    return this.#store.stage(call);
  }

  async fence(shard: number, callId: string): Promise<StageAnswer> {
    return this.#store.fence(shard, callId);
  }

  async settled(marks: readonly StagedMark[]): Promise<readonly Settlement[]> {
    return this.#ask(async () => this.#store.settled(marks));
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    return this.#store.forget(keys);
  }

  async chain(shard: number): Promise<ChainSeen | undefined> {
    return this.#ask(async () => this.#store.chain(shard));
  }

  async claim(shard: number, request: ClaimRequest): Promise<Claim> {
    return this.#store.claim(shard, request);
  }

  async extend(shard: number, request: ExtendRequest): Promise<Extension | undefined> {
    return this.#store.extend(shard, request);
  }

  async acknowledge(shard: number, token: string, outcomes: BatchOutcome, rows: readonly RowKey[]): Promise<boolean> {
    return this.#store.acknowledge(shard, token, outcomes, rows);
  }

  async park(
    shard: number,
    seen: ChainSeen,
    lastToken: string,
    onLoss: 'park' | 'apply',
  ): Promise<ParkReport | 'moved'> {
    return this.#store.park(shard, seen, lastToken, onLoss);
  }

  async empty(shard: number, scope: EmptyScope, lastToken: string): Promise<EmptyReport> {
    return this.#store.empty(shard, scope, lastToken);
  }

  async probe(): Promise<void> {
    return this.#store.probe();
  }

  async stats(): Promise<StagingStats> {
    return this.#store.stats();
  }

  async close(): Promise<void> {
    return this.#store.close();
  }
}
