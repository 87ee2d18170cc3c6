import { type RowKey, shardOf } from '../change/row-key.js';
import { askAgain } from '../staging/ask-again.js';
import type {
  ChainSeen,
  DueRecords,
  DueScope,
  LookSide,
  Pending,
  Settlement,
  StagedMark,
  Watermark,
} from '../staging/look-side.js';
import type { HeldChanges } from '../staging/stage-side.js';
import type { HoldKeeper } from './hold-keeper.js';

/** What is decorated, and where it is looked up what transactions hold. */
type Store = LookSide & { readonly held: Pick<HeldChanges, 'list'> };

/**
 * The look side of a staging store for callers that ask for pending changes. The changes of a committed transaction
 * count as staged, even while their holds still stand. A look that meets a hold therefore first finds out whether its
 * transaction has ended. The store is asked again after a connection was lost.
 *
 * A transaction holds `Product:7`, commits, and its process dies before it ends the hold. A look-up of product 7 in
 * another process meets the hold, asks the ledger, stages the change, and sees it.
 */
export class HoldEndingLooks implements LookSide {
  readonly shards: number;
  readonly due: DueRecords;
  readonly #store: Store;
  readonly #keeper: HoldKeeper;
  readonly #patienceMs: () => number;

  /**
   * @param patienceMs how long the store is asked again while it cannot be reached; `0`: it is asked once. Read at each
   * question, since the patience may have ended
   */
  constructor(store: Store, keeper: HoldKeeper, patienceMs: () => number) {
    this.shards = store.shards;
    this.#store = store;
    this.#keeper = keeper;
    this.#patienceMs = patienceMs;
    this.due = {
      next: async () => store.due.next(),
      // It may say yes of a hold that has ended; whoever then makes due what there is finds out.
      any: async (scope) => this.#ask(async () => store.due.any(scope)),
      make: async (scope) => this.#make(scope),
      endPauses: async () => this.#ask(async () => store.due.endPauses()),
      pending: async (watermarks) => this.#ask(async () => store.due.pending(watermarks)),
      rows: async (scope, shards, which) => this.#ask(async () => store.due.rows(scope, shards, which)),
    };
  }

  async peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>> {
    const found = await this.#ask(async () => this.#store.peek(keys));
    const isMet = [...found.values()].some(({ held = [] }) =>
      held.some(({ transaction }) => !this.#keeper.isRunningHere(transaction)),
    );
    if (!isMet) return found;
    await this.#keeper.endHolds(this.#shardsOf(keys));
    return this.#ask(async () => this.#store.peek(keys));
  }

  async settled(marks: readonly StagedMark[]): Promise<readonly Settlement[]> {
    return this.#ask(async () => this.#store.settled(marks));
  }

  async chain(shard: number): Promise<ChainSeen | undefined> {
    return this.#ask(async () => this.#store.chain(shard));
  }

  /** Mostly nothing is held: then one question is enough. */
  async #make(scope: DueScope): Promise<ReadonlyMap<number, Watermark>> {
    const { due, held } = this.#store;
    let isAnyHeld = false;
    const made = await this.#ask(async () =>
      due.make(scope, () => {
        isAnyHeld = true;
      }),
    );
    if (!isAnyHeld) return made;
    const shards = scope.kind === 'rows' ? this.#shardsOf(scope.keys) : undefined;
    // In this order: the other way round, a hold that ends in between is seen neither as one nor as what it stages.
    const [holds, again] = await this.#ask(async () => Promise.all([held.list(shards), due.make(scope)]));
    if (holds.every(({ transaction }) => this.#keeper.isRunningHere(transaction))) return again;
    await this.#keeper.endHolds(shards);
    return this.#ask(async () => due.make(scope));
  }

  /** The holds of other shards, and their servers, do not concern a look at these rows. */
  #shardsOf(keys: readonly RowKey[]): readonly number[] {
    return [...new Set(keys.map((key) => shardOf(key, this.shards)))];
  }

  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    return askAgain(ask, this.#patienceMs);
  }
}
