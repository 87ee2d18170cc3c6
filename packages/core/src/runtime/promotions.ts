import type { BatchOutcome } from '../change/outcome.js';
import { type RowKey, shardOf } from '../change/row-key.js';
import type { OwnedBatch, OwnedBatches } from '../flush/owned-batches.js';
import { besidesOwn, pendingRows, promoteInside } from '../flush/promote-inside.js';
import { within } from '../flush/within.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import type { FlushSteps } from '../flush/flush-shards.js';
import type { CallersTransaction } from '../mikro-orm/transactions/caller.js';
import { ScopeNotes, type TransactionScope } from '../mikro-orm/transactions/transaction-scope.js';
import type { Pending } from '../staging/look-side.js';
import type { Parts } from './parts.js';
import { isStarved } from './starved.js';

/**
 * The longest that the end of a transaction waits until its batches are acknowledged. The next flush finds the rest in
 * the ledger.
 */
const SETTLE_MS = 1_000;
const CLAIM_TIMEOUT_MS = 500;

/** The parts that promoting needs. */
interface PromotingParts extends Pick<Parts, 'staging' | 'looks' | 'sink'> {
  readonly worker: Pick<Parts['worker'], 'wake' | 'unsettled'>;
}

/**
 * The batches of staged rows that the application's transactions have written, until the ledger, read from outside, has
 * their outcome.
 */
export class Promotions {
  readonly #batches = new ScopeNotes<OwnedBatch & { readonly shard: number }>();
  /** Rows that a transaction has locked or is about to lock: no flush can write them before it ends. */
  readonly #touched = new ScopeNotes<RowKey>();
  /** Batches that a transaction has ever had, also in parts of it that were rolled back. */
  readonly #ever = new WeakMap<TransactionScope, Map<string, EverOwned>>();
  readonly #steps: FlushSteps | undefined;

  constructor(steps?: FlushSteps) {
    this.#steps = steps;
  }

  /** The caller is about to write or lock these rows. */
  touch(scope: TransactionScope | undefined, keys: readonly RowKey[]): void {
    for (const key of scope ? keys : []) if (scope) this.#touched.add(scope, key);
  }

  /** The rows among these that only this transaction can write: it has them, or their shard. */
  heldBy(scope: TransactionScope | undefined, keys: readonly RowKey[], shards: number): readonly RowKey[] {
    if (!scope) return [];
    const touched = new Set(this.#touched.standing(scope));
    const owned = this.shardsOf(scope);
    return keys.filter((key) => touched.has(key) || owned.has(shardOf(key, shards)));
  }

  /** The shards that no worker can flush before this transaction ends, so nothing in it may wait for them. */
  shardsOf(scope: TransactionScope | undefined): ReadonlySet<number> {
    return new Set(scope && this.#batches.standing(scope).map(({ shard }) => shard));
  }

  /** The rows that a transaction has touched. */
  touchedBy(scope: TransactionScope | undefined): readonly RowKey[] {
    return scope ? [...new Set(this.#touched.standing(scope))] : [];
  }

  /** The rows with pending changes that this transaction has not written itself. */
  async pending(
    keys: readonly RowKey[],
    scope: TransactionScope | undefined,
    { looks }: PromotingParts,
  ): Promise<readonly RowKey[]> {
    return pendingRows(keys, scope ? this.#ownedBy(scope) : NONE, looks);
  }

  /** True if the database lets this transaction write. */
  async accepts(caller: CallersTransaction, { sink }: PromotingParts): Promise<boolean> {
    return caller.alone(async (query) => sink.join(query).accepts());
  }

  /**
   * Finds which of these tokens are committed. It asks on the transaction's connection: another one may not be free
   * before the transaction ends. It leaves out the transaction's own tokens, which that connection sees too.
   */
  async outcomes(
    tokens: readonly string[],
    caller: CallersTransaction,
    { sink }: PromotingParts,
  ): Promise<ReadonlyMap<string, BatchOutcome>> {
    const ever = caller.scope && this.#ever.get(caller.scope.root);
    const others = tokens.filter((token) => ever?.has(token) !== true);
    return others.length === 0 ? new Map() : caller.alone(async (query) => sink.join(query).outcomes(others));
  }

  /** Pending changes that the rows which the transaction sees do not have. */
  unwritten(
    found: ReadonlyMap<RowKey, Pending>,
    scope: TransactionScope | undefined,
    { staging }: PromotingParts,
  ): ReadonlyMap<RowKey, Pending> {
    return scope ? besidesOwn(found, this.#ownedBy(scope), staging.shards) : found;
  }

  /**
   * Writes pending changes of the rows inside the transaction. Answers the rows that it could not write within the
   * time.
   */
  async write(
    keys: readonly RowKey[],
    caller: CallersTransaction,
    timeoutMs: number,
    parts: PromotingParts,
  ): Promise<readonly RowKey[]> {
    const { scope } = caller;
    if (!scope) return keys;
    this.#settleAtEnd(scope, parts);
    const deps = {
      staging: parts.staging,
      looks: parts.looks,
      sink: parts.sink,
      scheduler: monotonicScheduler,
      claimTimeoutMs: CLAIM_TIMEOUT_MS,
      ...(this.#steps && { steps: this.#steps }),
    };
    return caller.alone(async (query) => {
      const joined = parts.sink.join(query);
      if (!(await joined.accepts())) return keys;
      return [...(await promoteInside(keys, joined, this.#ownedBy(scope), timeoutMs, deps))];
    });
  }

  #ownedBy(scope: TransactionScope): OwnedBatches {
    return {
      of: (shard) => this.#batches.standing(scope).findLast((batch) => batch.shard === shard),
      own: (shard, batch) => {
        this.#batches.add(scope, { ...batch, shard });
        const ever = this.#ever.get(scope.root);
        const rows = ever?.get(batch.token)?.rows ?? new Set();
        for (const row of batch.rows) rows.add(row);
        ever?.set(batch.token, { shard, rows });
      },
      hasOwned: (token) => this.#ever.get(scope.root)?.has(token) === true,
    };
  }

  /** Once, however often the transaction promotes. */
  #settleAtEnd(scope: TransactionScope, parts: PromotingParts): void {
    if (this.#ever.has(scope.root)) return;
    const ever = new Map<string, EverOwned>();
    this.#ever.set(scope.root, ever);
    scope.afterEnd(async () => {
      if (ever.size === 0) return;
      const settled = settleSoon(ever, parts);
      // The question would queue behind all other waits for a connection.
      if (!isStarved(parts.sink)) await settled;
    });
  }
}

/** The ledger knows how the transaction ended, whatever was answered; a flush asks it too. Never rejects. */
async function settleSoon(ever: ReadonlyMap<string, EverOwned>, parts: PromotingParts): Promise<void> {
  const shards = new Set([...ever.values()].map(({ shard }) => shard));
  try {
    await within(settle(ever, parts), SETTLE_MS, monotonicScheduler, () => new Error('Not settled in time'));
    parts.worker.wake(shards);
  } catch {
    parts.worker.unsettled(shards);
  }
}

interface EverOwned {
  readonly shard: number;
  readonly rows: Set<RowKey>;
}

const NONE: OwnedBatches = { of: () => undefined, own: () => undefined, hasOwned: () => false };

/**
 * Acknowledges committed batches with the outcome in the ledger. The others stay in flight, and the next flush gets
 * them.
 */
async function settle(ever: ReadonlyMap<string, EverOwned>, { staging, sink }: PromotingParts): Promise<void> {
  const committed = await sink.outcomes([...ever.keys()]);
  await Promise.all(
    [...ever].map(async ([token, { shard, rows }]) => {
      const outcomes = committed.get(token);
      if (outcomes) await staging.acknowledge(shard, token, outcomes, [...rows]);
    }),
  );
}
