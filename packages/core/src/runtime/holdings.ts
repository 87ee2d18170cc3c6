import { randomBytes } from 'node:crypto';
import { withLayers } from '../change/held-layer.js';
import type { Change } from '../change/change.js';
import type { StagedRecord } from '../change/record.js';
import { isInTables, parseRowKey, type RowKey, shardOf } from '../change/row-key.js';
import type { Tier } from '../policy/durability.js';
import type { SpillwayEvents } from '../events.js';
import { endHolds } from '../flush/end-holds.js';
import { within } from '../flush/within.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import type { CallersTransaction } from '../mikro-orm/transactions/caller.js';
import { ScopeNotes, type TransactionEnd, type TransactionScope } from '../mikro-orm/transactions/transaction-scope.js';
import type { HoldEnding, JoinedTransaction } from '../sink/change-sink.js';
import { SinkFailure } from '../sink/sink-failure.js';
import type { DueScope, Pending } from '../staging/look-side.js';
import type { RulesByEntity } from '../staging/entity-rules.js';
import type { StageResult } from '../staging/stage-result.js';
import { writeHeld } from './write-held.js';
import type { HoldSteps } from './surroundings.js';
import type { Parts } from './parts.js';

/**
 * The longest that the end of a transaction waits until its holds have ended. Any process that meets a hold later ends
 * it.
 */
const END_HOLDS_MS = 2_000;

/** One flush that is held. */
interface HeldFlush {
  readonly id: string;
  readonly rows: ReadonlySet<RowKey>;
}

/** A row that the transaction has written itself, though one of its holds has it too. */
interface WrittenRow {
  readonly id: string;
  readonly row: RowKey;
}

/** An outermost transaction that holds changes. */
interface HoldingTransaction {
  readonly name: string;
  readonly isAtHome: boolean;
  /** Every hold that was ever made in it, also in parts of it that were rolled back. */
  readonly ids: Map<string, ReadonlySet<number>>;
}

interface HowHeld {
  readonly rules?: RulesByEntity;
  /** @defaultValue as the rules say */
  readonly tier?: Tier | undefined;
}

/**
 * The holds of the application's transactions, from the first held flush until the ledger, read from outside, has the
 * outcome.
 *
 * The order makes it certain: the transaction gets its name, the changes are held under it, and only then does the same
 * transaction enter the hold into the ledger. So the staging store has every hold whose row is committed, and a hold
 * that the store lacks, or may lack, is never committed.
 */
export class Holdings {
  readonly #events: SpillwayEvents;
  readonly #steps: HoldSteps | undefined;
  readonly #held = new ScopeNotes<HeldFlush>();
  readonly #written = new ScopeNotes<WrittenRow>();
  readonly #transactions = new WeakMap<TransactionScope, HoldingTransaction>();
  /** Unique to this process. */
  readonly #prefix = randomBytes(9).toString('base64url');
  #count = 0;

  constructor(events: SpillwayEvents, steps?: HoldSteps) {
    this.#events = events;
    this.#steps = steps;
  }

  /** True if the transaction writes where Spillway would write. It may have a role or a search path of its own. */
  async isAtHome(caller: CallersTransaction, parts: Parts): Promise<boolean> {
    const { scope } = caller;
    if (!scope) return false;
    const known = this.#transactions.get(scope.root);
    if (known) return known.isAtHome;
    return caller.alone(async (query) => (await this.#transactionOf(scope, parts.sink.join(query), parts)).isAtHome);
  }

  /** Holds changes until the transaction has ended: all of them, or none. */
  async hold(
    changes: readonly Change[],
    caller: CallersTransaction,
    parts: Parts,
    { rules = parts.entities.rules, tier }: HowHeld = {},
  ): Promise<StageResult> {
    const { scope } = caller;
    if (!scope) throw new TypeError('Nothing can be held in a transaction whose end nobody learns');
    return caller.alone(async (query) => {
      const joined = parts.sink.join(query);
      const transaction = await this.#transactionOf(scope, joined, parts);
      this.#count += 1;
      const id = `${transaction.name}-${this.#prefix}${this.#count.toString(36)}`;
      const shards = new Set(changes.map(({ rowKey }) => shardOf(rowKey, parts.staging.shards)));
      const standing = this.#held.standing(scope).map((held) => held.id);
      transaction.ids.set(id, shards);
      const result = await parts.stager.holdAll(changes, rules, { id, transaction: transaction.name, standing }, tier);
      if (result.refused.length > 0) return result;
      await this.#steps?.('held', [...shards]);
      await asGiven(joined.enterHold(id));
      await this.#steps?.('entered', [...shards]);
      this.#held.add(scope, { id, rows: new Set(changes.map(({ rowKey }) => rowKey)) });
      // They get their places in the sequence of their shard when the commit stages them.
      return { ...result, marks: new Map() };
    });
  }

  /** Pending changes as the transaction sees them: with its own holds. */
  async peek(
    keys: readonly RowKey[],
    scope: TransactionScope | undefined,
    { looks }: Pick<Parts, 'looks'>,
  ): Promise<ReadonlyMap<RowKey, Pending>> {
    const found = await looks.peek(keys);
    if (!scope || this.#held.standing(scope).length === 0) return found;
    const isOwn = this.#ownLayers(scope);
    return new Map(
      [...found].map(([row, pending]): [RowKey, Pending] => {
        const { dirty, held = [], ...rest } = pending;
        const top = withLayers(
          dirty,
          held.filter(({ id }) => isOwn(id, row)),
        );
        return [row, { ...rest, ...(top !== undefined && top !== 'overflow' && { dirty: top }) }];
      }),
    );
  }

  /**
   * The rows to write before SQL in a transaction that has to find its holds of a scope. These are all rows that it
   * holds so far, so that they are written in the order in which they were held.
   */
  rowsFor(scope: DueScope, touches: boolean, transaction: TransactionScope | undefined): readonly RowKey[] {
    const rows = transaction ? this.#rowsOf(transaction) : [];
    return rows.some(isMeantBy(scope, touches)) ? rows : [];
  }

  /**
   * Writes the holds of these rows in their transaction. Later holds lie on the written rows. Queries that run at once
   * (a page and its count) may each ask for it: each look-up waits until the one before has written, so that every hold
   * is written once.
   */
  async write(rows: readonly RowKey[], caller: CallersTransaction, parts: Parts): Promise<void> {
    const own = caller.scope;
    if (!own) return;
    await caller.alone(async (query) => {
      const isOwn = this.#ownLayers(own);
      const found = await parts.looks.peek(rows);
      const records = new Map<RowKey, StagedRecord>();
      const written = new Map<string, RowKey[]>();
      for (const [row, { held = [] }] of found) {
        const layers = held.filter(({ id }) => isOwn(id, row));
        const record = withLayers(undefined, layers);
        if (record !== undefined && record !== 'overflow') records.set(row, record);
        for (const { id } of layers) written.set(id, [...(written.get(id) ?? []), row]);
      }
      if (written.size === 0) return;
      const before = this.#written.standing(own);
      const ledger = new Map(
        [...written].map(([id, more]) => [
          id,
          [...before.filter((note) => note.id === id).map(({ row }) => row), ...more],
        ]),
      );
      await writeHeld(records, ledger, parts.sink.join(query), parts);
      for (const [id, more] of written) for (const row of more) this.#written.add(own, { id, row });
    });
  }

  #rowsOf(scope: TransactionScope): RowKey[] {
    const isOwn = this.#ownLayers(scope);
    return [
      ...new Set(this.#held.standing(scope).flatMap(({ id, rows }) => [...rows].filter((row) => isOwn(id, row)))),
    ];
  }

  /** Finds layers that the transaction holds and has not written. */
  #ownLayers(scope: TransactionScope): (id: string, row: RowKey) => boolean {
    const ids = new Set(this.#held.standing(scope).map(({ id }) => id));
    const written = new Set(this.#written.standing(scope).map(({ id, row }) => JSON.stringify([id, row])));
    return (id, row) => ids.has(id) && !written.has(JSON.stringify([id, row]));
  }

  async #transactionOf(scope: TransactionScope, joined: JoinedTransaction, parts: Parts): Promise<HoldingTransaction> {
    const known = this.#transactions.get(scope.root);
    if (known) return known;
    const transaction = { ...(await asGiven(joined.begin())), ids: new Map<string, ReadonlySet<number>>() };
    this.#transactions.set(scope.root, transaction);
    parts.keeper.began(transaction.name);
    scope.afterEnd(async (end) => this.#afterEnd(transaction, end, parts));
    return transaction;
  }

  /** Runs before the application learns that its transaction has ended, so that the application finds its changes. */
  async #afterEnd(transaction: HoldingTransaction, end: TransactionEnd, parts: Parts): Promise<void> {
    parts.keeper.ended(transaction.name);
    const ended = this.#end(transaction, end, parts);
    const late = (): Error => new Error('What a transaction has held is not staged yet; a worker goes on with it');
    try {
      await within(ended, END_HOLDS_MS, monotonicScheduler, late);
    } catch (error) {
      // The transaction's outcome is certain all the same. The next process that meets its holds, a worker at the
      // latest, ends them.
      const shards = new Set([...transaction.ids.values()].flatMap((of) => [...of]));
      this.#events.emit({ type: 'retry', shards: [...shards], reason: 'held-changes', error });
    }
  }

  async #end({ name, ids }: HoldingTransaction, end: TransactionEnd, parts: Parts): Promise<void> {
    if (ids.size === 0) return;
    await this.#steps?.('ended', []);
    const endings = await endingsAt(name, [...ids.keys()], end, parts);
    const holds = [...ids].flatMap(([id, shards]) => [...shards].map((shard) => ({ shard, id })));
    const { staged } = await endHolds(parts.staging, holds, endings);
    await this.#steps?.('staged', [...staged.keys()]);
    parts.worker.wake(staged.keys());
  }
}

/** In the application's transaction, PostgreSQL's own errors go to the application, which may retry by their codes. */
async function asGiven<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw (error instanceof SinkFailure && error.given()) || error;
  }
}

/** An answer to ROLLBACK is certain. An answer to COMMIT proves nothing, so the ledger is asked. */
async function endingsAt(
  transaction: string,
  ids: readonly string[],
  end: TransactionEnd,
  { sink }: Parts,
): Promise<ReadonlyMap<string, HoldEnding>> {
  if (end === 'rolled-back') return new Map(ids.map((id) => [id, { kind: 'dropped' }]));
  return sink.endings(ids.map((id) => ({ id, transaction })));
}

/** SQL that writes may meet other rows of the same tables too: by a unique index, or a foreign key. */
function isMeantBy(scope: DueScope, touches: boolean): (row: RowKey) => boolean {
  if (scope.kind === 'all') return () => true;
  if (scope.kind === 'rows' && !touches) return (row) => scope.keys.includes(row);
  const tables = scope.kind === 'tables' ? scope.tables : scope.keys.map((key) => parseRowKey(key));
  return isInTables(tables);
}
