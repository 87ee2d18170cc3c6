import type { BatchOutcome } from '../../change/outcome.js';
import type { Batch } from '../../staging/flush-side.js';
import type { OthersPending, ParentsPending, SinkTransaction } from '../change-sink.js';
import { isAnyPaused, type Paused } from '../paused-entities.js';
import { SinkDown, SinkRestart } from '../sink-failure.js';
import { applyGroups, SAVEPOINT } from './apply/apply-groups.js';
import { applyUnpaused } from './apply/apply-unpaused.js';
import { applyBatches } from './apply/apply-batches.js';
import type { ComposedPlans } from './apply/composed-plans.js';
import { NO_OTHERS, type Applied, type ApplyContext } from './apply/context.js';
import { commitFailureOf, failureOf } from './fault.js';
import { ledgerFailureOf } from './ledger/ledger-failure.js';
import type { LockedShards } from './ledger/lock-shards.js';
import type { MapOfSink } from './ledger/map-of-sink.js';
import { readOutcome } from './ledger/read-ledger.js';
import type { OwnTables } from './ledger/tables.js';
import { ledgerText, type LedgerEntry, quotesValues, writeLedger } from './ledger/write-ledger.js';
import type { StatementGroup } from './plan/plan.js';
import type { TableMap } from './plan/table-map.js';
import type { TablePauses, ToldFault } from './table-pauses.js';
import type { OwnTransaction } from './connections.js';
import type { StandingOfSink } from './place.js';
import type { Session } from './session.js';
import type { WallTime } from './sql/version-format.js';

/**
 * How often a batch may be handed out before a request to run its transaction again counts as a refusal: a trigger may
 * raise it for ever.
 */
const RESTARTS = 3;

/** The parts that a transaction shares with its sink. */
export interface TransactionSurroundings {
  readonly ownTables: OwnTables;
  readonly namespace: string;
  readonly tables: TableMap;
  readonly composed: ComposedPlans;
  readonly wallTime: WallTime;
  readonly pauses: TablePauses;
  readonly onTableFault: (fault: ToldFault) => void;
  readonly onPaused: (paused: Paused) => void;
  /** No other transaction can run meanwhile: see `Connections.hasOneConnection`. */
  readonly hasOneConnection: boolean;
  readonly standing: StandingOfSink;
  /** How long a flush waits for locked rows after its first wait: see `lockWaits`. */
  readonly lockWaits: readonly number[];
  readonly map: MapOfSink;
}

/** Notes faults in the pauses of tables, and reports them. */
export function tellFaults(
  faults: Applied['tableFaults'],
  { pauses, onTableFault }: Pick<TransactionSurroundings, 'pauses' | 'onTableFault'>,
): void {
  for (const fault of faults) onTableFault(pauses.note(fault));
}

/** An open transaction of Spillway's own. It ends once: by `commit`, or by being disposed of. */
export class PostgresTransaction implements SinkTransaction {
  readonly locked: ReadonlyMap<number, string>;
  readonly #transaction: OwnTransaction;
  readonly #session: Session;
  readonly #around: TransactionSurroundings;
  readonly #read: ReadonlyMap<string, BatchOutcome | undefined>;
  readonly #paused: Paused;
  /** What `commit` enters into the ledger. */
  readonly #entries: LedgerEntry[] = [];
  #savepointUsed = false;
  #state: 'open' | 'broken' | 'committed' | 'disposed' = 'open';

  /** @param read what the ledger said of some tokens once the shards were locked: nothing can be added since */
  constructor(
    transaction: OwnTransaction,
    { locked, paused }: Pick<LockedShards, 'locked' | 'paused'>,
    around: TransactionSurroundings,
    read: ReadonlyMap<string, BatchOutcome | undefined>,
  ) {
    this.#read = read;
    this.#transaction = transaction;
    this.#session = transaction.session;
    this.locked = locked;
    this.#paused = paused;
    this.#around = around;
  }

  async outcomeOf(token: string): Promise<BatchOutcome | undefined> {
    const { ownTables, namespace } = this.#around;
    const outcome = this.#read.has(token)
      ? this.#read.get(token)
      : await this.#attempt(() => readOutcome(this.#session, ownTables, namespace, token), ledgerFailureOf);
    if (outcome !== undefined) return outcome;
    // The ledger was emptied, but the shard's row still says that this was written.
    return [...this.locked.values()].includes(token) ? new Map() : undefined;
  }

  async alive(): Promise<void> {
    await this.#attempt(() => this.#session.script('select 1'));
  }

  async assertMap(): Promise<void> {
    const { map, ownTables, namespace } = this.#around;
    await this.#attempt(() => map.assertSame(this.#session, ownTables, namespace), ledgerFailureOf);
  }

  async write(
    batches: readonly Batch[],
    parentsPending: ParentsPending,
    othersPending: OthersPending = NO_OTHERS,
    isPart = false,
  ): Promise<ReadonlyMap<string, BatchOutcome>> {
    for (const { shard } of batches) {
      if (!this.locked.has(shard)) {
        throw new RangeError(`This transaction has not locked shard ${shard}, so it must not write a batch of it.`);
      }
    }
    const mayRestart = batches.every(({ attempts }) => attempts <= RESTARTS);
    const { outcomes, tableFaults } = await this.#attempt(() =>
      applyBatches(batches, this.#around.composed.of(batches), (groups) =>
        this.#apply(groups, { parentsPending, othersPending, isPart, mayRestart }),
      ),
    );
    for (const { shard, token } of batches)
      this.#entries.push({ shard, token, outcomes: outcomes.get(token) ?? new Map() });
    tellFaults(tableFaults, this.#around);
    return outcomes;
  }

  async commit(): Promise<void> {
    const last = await this.#lastStatement();
    const command = await this.#attempt(
      () => this.#transaction.commit(last),
      (error) => commitFailureOf(ledgerFailureOf(error)),
    );
    // PostgreSQL answers COMMIT of a failed transaction with the tag ROLLBACK, and no error.
    if (command !== 'COMMIT') {
      throw new SinkRestart(`The transaction was rolled back: PostgreSQL answered ${command} to COMMIT.`);
    }
    this.#state = 'committed';
  }

  /** The statement that enters the batches, to be sent with COMMIT. `undefined`: there are none, or it was sent. */
  async #lastStatement(): Promise<string | undefined> {
    const { ownTables, namespace } = this.#around;
    const entries = this.#entries;
    if (entries.length === 0) return undefined;
    if (!quotesValues(entries)) return ledgerText(ownTables, namespace, entries);
    await this.#attempt(() => writeLedger(this.#session, ownTables, namespace, entries), ledgerFailureOf);
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const state = this.#state;
    if (state === 'disposed') return;
    this.#state = 'disposed';
    await this.#transaction.end(state === 'broken');
  }

  async #apply(
    groups: readonly StatementGroup[],
    asked: Pick<ApplyContext, 'parentsPending' | 'othersPending' | 'isPart' | 'mayRestart'>,
  ): Promise<Applied> {
    if (this.#savepointUsed) await this.#session.script(`savepoint ${SAVEPOINT}`);
    this.#savepointUsed = true;
    const { wallTime, tables, pauses, lockWaits } = this.#around;
    const context = { session: this.#session, names: tables.names, wallTime, tables, pauses, lockWaits, ...asked };
    return isAnyPaused(this.#paused) ? applyUnpaused(groups, this.#paused, context) : applyGroups(groups, context);
  }

  /** Turns an error into its failure. If PostgreSQL did not answer, the connection counts as broken. */
  async #attempt<T>(act: () => Promise<T>, nameOf: (error: unknown) => Error = failureOf): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const failure = nameOf(error);
      if (failure instanceof SinkDown) this.#state = 'broken';
      throw failure;
    }
  }
}
