import type { BatchOutcome } from '../../change/outcome.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import type {
  CallerQuery,
  ComparedRow,
  HeldIn,
  HoldEnding,
  JoinedTransaction,
  PreparedSink,
  SinkTransaction,
  TablePause,
} from '../change-sink.js';
import type { PausedEntities } from '../paused-entities.js';
import type { CopyRegistry, EntityRegistry } from '../registry.js';
import type { MapChanges, MoveRight, MovingSink } from '../map-changes.js';
import type { Table } from '../table.js';
import type { Batch } from '../../staging/flush-side.js';
import { SAVEPOINT } from './apply/apply-groups.js';
import { compareRow } from './apply/compare-row.js';
import { lockWaits } from './apply/lock-waits.js';
import { parentsOfRecord } from './apply/parents.js';
import { waitsForItself } from '../one-connection.js';
import { SinkDown, SinkFailure, SinkFault } from '../sink-failure.js';
import { failureOf } from './fault.js';
import { endingsOf } from './ledger/hold-ledger.js';
import { ComposedPlans } from './apply/composed-plans.js';
import { PostgresJoinedTransaction } from './joined/joined-transaction.js';
import { lockShards, type TransactionLimits } from './ledger/lock-shards.js';
import { ledgerFailureOf, notPrepared } from './ledger/ledger-failure.js';
import { completeTables, ensureTables, preparedBy, verifyTables } from './ledger/prepare.js';
import { takeMoveRight } from './ledger/move-right.js';
import { MapOfSink } from './ledger/map-of-sink.js';
import { PostgresMapChanges } from './ledger/map-changes.js';
import { pruneLedger } from './ledger/prune-ledger.js';
import { readLastTokens, readOutcomes } from './ledger/read-ledger.js';
import { ownTablesIn } from './ledger/tables.js';
import { DEFAULT_LIMITS, type PostgresSinkOptions } from './options.js';
import { TableMap } from './plan/table-map.js';
import { PostgresPaused } from './registry/postgres-paused.js';
import { PostgresRegistry, PostgresTableRegistry, type RegistryPlace } from './registry/postgres-registry.js';
import { readFacts } from './catalogue/read-facts.js';
import { unfit, whyUnfit } from './catalogue/why-unfit.js';
import { openConnections } from './open-connections.js';
import { placeOf, StandingOfSink } from './place.js';
import type { Connections, OwnTransaction } from './connections.js';
import type { Session } from './session.js';
import { nextNumbers, noNumbers } from './sql/next-numbers.js';
import { schemasOf } from './sql/schemas-of.js';
import { localWallTime } from './sql/wall-time.js';
import { TablePauses } from './table-pauses.js';
import { PostgresTransaction, type TransactionSurroundings } from './transaction.js';

const NO_SUCH_DATABASE = '3D000';

/**
 * Opens the sink that writes batches to PostgreSQL. Nothing is connected before the first call. Works through PgBouncer
 * in transaction mode: it keeps no session state and names no prepared statement.
 */
export function openPostgresSink(options: PostgresSinkOptions): MovingSink {
  return new PostgresSink(options);
}

class PostgresSink implements MovingSink {
  readonly #connections: Connections;
  readonly #limits: TransactionLimits;
  readonly #around: TransactionSurroundings;
  #checking: Promise<void> | undefined;
  /** Transactions that were begun and have no connection yet, and since when. */
  readonly #waiting = new Map<object, number>();
  readonly hasOneConnection: boolean;
  readonly registry: EntityRegistry;
  readonly maps: MapChanges;
  readonly copies: CopyRegistry;
  readonly pausedEntities: PausedEntities;

  constructor(options: PostgresSinkOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#connections = openConnections(options, this.#limits);
    this.hasOneConnection = this.#connections.hasOneConnection;
    const tables = new TableMap(options.tables);
    const wallTime = options.wallTime ?? localWallTime;
    this.#around = {
      ownTables: ownTablesIn(options.schema ?? 'public'),
      namespace: options.namespace,
      tables,
      wallTime,
      composed: new ComposedPlans(tables, wallTime),
      pauses: new TablePauses(options.now),
      onTableFault: options.onTableFault ?? (() => undefined),
      onPaused: options.onPaused ?? (() => undefined),
      hasOneConnection: this.hasOneConnection,
      standing: new StandingOfSink(),
      lockWaits: this.hasOneConnection ? [] : lockWaits(this.#limits.lockTimeoutMs).slice(1),
      map: new MapOfSink(),
    };
    const place: RegistryPlace = {
      use: async (act) => this.#using(act),
      tables: this.#around.ownTables,
      namespace: options.namespace,
    };
    this.registry = new PostgresRegistry(place, 'staged');
    this.maps = new PostgresMapChanges(place);
    this.pausedEntities = new PostgresPaused(place);
    this.copies = {
      kept: new PostgresTableRegistry(place, 'copied'),
      disbelieved: new PostgresTableRegistry(place, 'disbelieved'),
    };
  }

  async inspect(tables: readonly Table[]): Promise<void> {
    if (tables.length === 0) return;
    const facts = await this.#using((session) => readFacts(session, tables));
    for (const [table, found] of facts) {
      const why = whyUnfit(table, found);
      if (why !== undefined) throw unfit({ ...table, schema: found.schema }, why);
    }
  }

  know(tables: readonly Table[]): void {
    this.#around.tables.replace(tables);
  }

  /** Concurrent callers share one check: a check takes a connection, and keeps it until PostgreSQL answers. */
  async check(): Promise<void> {
    if (this.hasOneConnection) return;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<void> {
    const [row] = await this.#using((session) => session.rows('select pg_is_in_recovery()::text', []));
    if (row?.[0] !== 'false') throw new SinkDown('PostgreSQL takes no writes: it is a replica', 'read-only');
  }

  get waitsForConnectionMs(): number {
    const [first] = this.#waiting.values();
    return first === undefined ? 0 : performance.now() - first;
  }

  get paused(): readonly TablePause[] {
    return this.#around.pauses.current;
  }

  async prepare(shards: number | undefined, ensure: boolean): Promise<PreparedSink> {
    const { ownTables, namespace } = this.#around;
    if (ensure)
      await this.#transaction((session, opening) => ensureTables(session, opening, ownTables, namespace, shards));
    return this.#prepared(shards, false);
  }

  async prepareMove(ensure: boolean): Promise<PreparedSink> {
    const { ownTables } = this.#around;
    if (ensure) await this.#transaction((session, opening) => completeTables(session, opening, ownTables));
    return this.#prepared(undefined, true);
  }

  /** Where there is one connection, there is one process. */
  async takeMoveRight(): Promise<MoveRight | undefined> {
    if (this.hasOneConnection) return { assure: async () => {}, [Symbol.asyncDispose]: async () => {} };
    const { ownTables, namespace } = this.#around;
    const transaction = await this.#open();
    try {
      return await takeMoveRight(transaction, ownTables, namespace);
    } catch (error) {
      await transaction.end(true);
      throw ledgerFailureOf(error);
    }
  }

  async #prepared(shards: number | undefined, isMoving: boolean): Promise<PreparedSink> {
    const { ownTables, namespace } = this.#around;
    return this.#using(async (session) => {
      this.#around.standing.own = await placeOf(session);
      if (isMoving) this.#around.map.isMoved();
      else await this.#around.map.look(session, ownTables, namespace);
      return verifyTables(session, ownTables, namespace, shards, isMoving);
    });
  }

  async isPrepared(ensure: boolean): Promise<boolean> {
    const { ownTables, namespace } = this.#around;
    try {
      const release = await this.#using((session) => preparedBy(session, ownTables, namespace));
      if (release === 'older' && ensure) {
        if (this.#connections.isInside) throw waitsForItself('The tables of an older release have to be completed');
        await this.#transaction((session, opening) => completeTables(session, opening, ownTables));
      }
      return release !== 'nobody';
    } catch (error) {
      if (error instanceof SinkFailure && error.sqlstate === NO_SUCH_DATABASE) return false;
      throw error;
    }
  }

  begin(shards: readonly number[], claimed: readonly string[] = []): Promise<SinkTransaction> {
    return this.#begin(shards, 'skip', claimed);
  }

  async beginExclusive(shards: readonly number[]): Promise<SinkTransaction> {
    if (this.#connections.isInside) throw waitsForItself('What a shard was written last has to be looked up');
    return this.#begin(shards, 'wait', []);
  }

  compose(batches: readonly Batch[]): void {
    this.#around.composed.compose(batches);
  }

  join(query: CallerQuery): JoinedTransaction {
    return new PostgresJoinedTransaction(query, this.#around);
  }

  async outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>> {
    if (tokens.length === 0) return new Map();
    const { ownTables, namespace } = this.#around;
    return this.#using((session) => readOutcomes(session, ownTables, namespace, tokens, this.hasOneConnection));
  }

  async lastTokens(shards: readonly number[]): Promise<ReadonlyMap<number, string>> {
    if (shards.length === 0) return new Map();
    const { ownTables, namespace } = this.#around;
    return this.#using((session) => readLastTokens(session, ownTables, namespace, shards));
  }

  async numbers(table: Table, count: number): Promise<readonly string[]> {
    try {
      return await this.#connections.use((session) => nextNumbers(session, table, count));
    } catch (error) {
      const failure = failureOf(error);
      throw failure instanceof SinkFault ? noNumbers(table, failure) : failure;
    }
  }

  parentsOf(rowKey: RowKey, record: StagedRecord): readonly RowKey[] {
    return parentsOfRecord(rowKey, record, this.#around.tables);
  }

  async compare(rowKey: RowKey, record: StagedRecord): Promise<ComparedRow | undefined> {
    const { tables, wallTime } = this.#around;
    return this.#using((session) => compareRow(session, rowKey, record, tables, wallTime));
  }

  async schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>> {
    return this.#using((session) => schemasOf(session, tables));
  }

  async endings(holds: readonly HeldIn[]): Promise<ReadonlyMap<string, HoldEnding>> {
    if (holds.length === 0) return new Map();
    const { ownTables, namespace } = this.#around;
    return this.#using((session) => endingsOf(session, ownTables, namespace, holds, this.hasOneConnection));
  }

  async prune(olderThanMs: number, held: readonly string[]): Promise<number> {
    const { ownTables, namespace } = this.#around;
    return this.#using((session) => pruneLedger(session, ownTables, namespace, olderThanMs, held));
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  cutOff(): void {
    this.#connections.cutOff();
  }

  async #begin(shards: readonly number[], wait: 'skip' | 'wait', claimed: readonly string[]): Promise<SinkTransaction> {
    const waiting = {};
    this.#waiting.set(waiting, performance.now());
    try {
      return await this.#lock(shards, wait, claimed);
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  async #lock(shards: readonly number[], wait: 'skip' | 'wait', claimed: readonly string[]): Promise<SinkTransaction> {
    const { ownTables, namespace } = this.#around;
    const transaction = await this.#open();
    try {
      const limits = this.hasOneConnection ? undefined : this.#limits;
      const known = await lockShards(transaction, ownTables, namespace, shards, wait, limits, SAVEPOINT, claimed);
      const { locked, missing, outcomes, paused } = known;
      // A missing row must not look like a locked one: its shard would wait for ever, silently.
      if (missing.length > 0)
        throw notPrepared(
          `${ownTables.shard} has no row for shard ${missing.join(', ')} of the namespace "${namespace}"`,
        );
      const read = new Map(claimed.map((token) => [token, outcomes.get(token)]));
      this.#around.onPaused(paused);
      return new PostgresTransaction(transaction, { locked, paused }, this.#around, read);
    } catch (error) {
      const failure = ledgerFailureOf(error);
      // A server that has not answered gets no further statement: it would take as long again.
      await transaction.end(failure instanceof SinkDown);
      throw failure;
    }
  }

  async #open(): Promise<OwnTransaction> {
    try {
      return await this.#connections.begin();
    } catch (error) {
      throw failureOf(error);
    }
  }

  async #transaction(act: (session: Session, opening: string) => Promise<void>): Promise<void> {
    const transaction = await this.#open();
    let isBroken = true;
    try {
      await act(transaction.session, transaction.opening);
      await transaction.commit();
      isBroken = false;
    } catch (error) {
      throw ledgerFailureOf(error);
    } finally {
      await transaction.end(isBroken);
    }
  }

  async #using<T>(use: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.#connections.use(use);
    } catch (error) {
      throw ledgerFailureOf(error);
    }
  }
}
