import type pg from 'pg';
import type { BatchOutcome } from '../../change/outcome.js';
import type {
  CallerQuery,
  ChangeSink,
  CopyRegistry,
  EntityRegistry,
  HeldIn,
  HoldEnding,
  JoinedTransaction,
  SinkTransaction,
} from '../change-sink.js';
import type { Table } from '../table.js';
import { SAVEPOINT } from './apply/apply-groups.js';
import { SinkFailure } from '../sink-failure.js';
import { failureOf } from './fault.js';
import { DISBELIEVED, PostgresRegistry, type RegistryPrefix } from './ledger/entity-registry.js';
import { endingsOf } from './ledger/hold-ledger.js';
import { PostgresJoinedTransaction } from './joined/joined-transaction.js';
import { holdShards, type TransactionLimits } from './ledger/hold-shards.js';
import { ledgerFailureOf, notPrepared } from './ledger/ledger-failure.js';
import { ensureLedger, hasShards, verifyLedger } from './ledger/prepare.js';
import { pruneLedger } from './ledger/prune-ledger.js';
import { readOutcomes } from './ledger/read-ledger.js';
import { ledgerTables } from './ledger/tables.js';
import { DEFAULT_LIMITS, type PostgresSinkOptions } from './options.js';
import { TableMap } from './plan/table-map.js';
import { openPool } from './pool.js';
import { PgSession } from './session.js';
import { nextNumbers } from './sql/next-numbers.js';
import { localWallTime } from './sql/wall-time.js';
import { PostgresTransaction, type TransactionSurroundings } from './transaction.js';

const NO_SUCH_DATABASE = '3D000';

/**
 * Opens the sink that writes batches to PostgreSQL. Nothing is connected before the first call. Works through PgBouncer in transaction mode: it keeps no session state and names
 * no prepared statement.
 */
export function openPostgresSink(options: PostgresSinkOptions): ChangeSink {
  return new PostgresSink(options);
}

class PostgresSink implements ChangeSink {
  readonly #pool: pg.Pool;
  readonly #limits: TransactionLimits;
  readonly #around: TransactionSurroundings;
  readonly registry: EntityRegistry;
  readonly copies: CopyRegistry;
  #closed: Promise<void> | undefined;

  constructor(options: PostgresSinkOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#pool = openPool(options, this.#limits);
    this.#around = {
      ledger: ledgerTables(options.schema ?? 'public'),
      namespace: options.namespace,
      tables: new TableMap(options.tables),
      wallTime: options.wallTime ?? localWallTime,
      onTableFault: options.onTableFault ?? (() => undefined),
    };
    const registryOf = (prefix: RegistryPrefix): EntityRegistry =>
      new PostgresRegistry((use) => this.#using(use), this.#around.ledger, options.namespace, prefix);
    this.registry = registryOf('staged:');
    this.copies = { kept: registryOf('copied:'), disbelieved: registryOf(DISBELIEVED) };
  }

  async prepare(shards: number, ensure: boolean): Promise<string> {
    const { ledger, namespace } = this.#around;
    return this.#using(async (client) => {
      if (ensure) await ensureLedger(client, ledger, namespace, shards);
      return verifyLedger(client, ledger, namespace, shards);
    });
  }

  async isPrepared(): Promise<boolean> {
    const { ledger, namespace } = this.#around;
    try {
      return await this.#using((client) => hasShards(client, ledger, namespace));
    } catch (error) {
      if (error instanceof SinkFailure && error.sqlstate === NO_SUCH_DATABASE) return false;
      throw error;
    }
  }

  begin(shards: readonly number[]): Promise<SinkTransaction> {
    return this.#begin(shards, 'skip');
  }

  beginExclusive(shards: readonly number[]): Promise<SinkTransaction> {
    return this.#begin(shards, 'wait');
  }

  join(query: CallerQuery): JoinedTransaction {
    return new PostgresJoinedTransaction(query, this.#around);
  }

  async outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>> {
    if (tokens.length === 0) return new Map();
    try {
      return await readOutcomes(this.#pool, this.#around.ledger, this.#around.namespace, tokens);
    } catch (error) {
      throw ledgerFailureOf(error);
    }
  }

  async numbers(table: Table, count: number): Promise<readonly string[]> {
    try {
      return await nextNumbers(this.#pool, table, count);
    } catch (error) {
      throw failureOf(error);
    }
  }

  async endings(holds: readonly HeldIn[]): Promise<ReadonlyMap<string, HoldEnding>> {
    if (holds.length === 0) return new Map();
    try {
      return await endingsOf(this.#pool, this.#around.ledger, this.#around.namespace, holds);
    } catch (error) {
      throw ledgerFailureOf(error);
    }
  }

  async prune(olderThanMs: number, held: readonly string[]): Promise<number> {
    try {
      return await pruneLedger(this.#pool, this.#around.ledger, this.#around.namespace, olderThanMs, held);
    } catch (error) {
      throw ledgerFailureOf(error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  async #begin(shards: readonly number[], wait: 'skip' | 'wait'): Promise<SinkTransaction> {
    const client = await this.#connect();
    try {
      const { ledger, namespace } = this.#around;
      const { held, missing } = await holdShards(
        new PgSession(client),
        ledger,
        namespace,
        shards,
        wait,
        this.#limits,
        SAVEPOINT,
      );
      // A row that does not exist must not look like one that somebody else holds: its shard would wait for ever, silently.
      if (missing.length > 0)
        throw notPrepared(`${ledger.shard} has no row for shard ${missing.join(', ')} of the namespace "${namespace}"`);
      return new PostgresTransaction(client, held, this.#around);
    } catch (error) {
      await new PostgresTransaction(client, new Map(), this.#around)[Symbol.asyncDispose]();
      throw ledgerFailureOf(error);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw failureOf(error);
    }
  }

  async #using<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let broken = true;
    try {
      const answer = await use(client);
      broken = false;
      return answer;
    } catch (error) {
      throw ledgerFailureOf(error);
    } finally {
      client.release(broken);
    }
  }
}
