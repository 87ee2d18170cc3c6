import { database, type Database } from '@spillway/test-support';
import pg from 'pg';
import type { BatchOutcome, Outcome } from '../../../src/change/outcome.js';
import type { StagedRecord } from '../../../src/change/record.js';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import type { ChangeSink, OthersPending, ParentsPending } from '../../../src/sink/change-sink.js';
import type { TableFault } from '../../../src/sink/postgres/apply/table-fault.js';
import { openPostgresSink } from '../../../src/sink/postgres/open-postgres-sink.js';
import type { PostgresSinkOptions } from '../../../src/sink/postgres/options.js';
import type { Column, Table } from '../../../src/sink/table.js';
import type { Batch } from '../../../src/staging/flush-side.js';

export const NOBODY: ParentsPending = () => Promise.resolve(new Set());

/** A record of a row, as it would be staged. */
export type Staged = Partial<StagedRecord> & Pick<StagedRecord, 'kind'>;

function staged(record: Staged): StagedRecord {
  return {
    entity: 'Product',
    values: {},
    deltas: {},
    originals: {},
    first: 1,
    last: 1,
    firstAtMs: 0,
    merged: 1,
    attempts: 0,
    doubtful: false,
    ...record,
  };
}

export function key(name: string, ...texts: string[]): RowKey {
  return rowKeyOf({ schema: 'public', table: name, key: texts });
}

/** A table with an integer key and an integer version, unless told otherwise; columns are given as `property: type`. */
export function table(name: string, columns: Record<string, string>, more: Partial<Table> = {}): Table {
  return {
    entity: name,
    schema: 'public',
    name,
    key: [column('id', 'integer')],
    columns: Object.fromEntries(Object.entries(columns).map(([property, type]) => [property, column(property, type)])),
    version: { column: column('version', 'integer'), kind: 'integer' },
    counters: {},
    references: [],
    order: 0,
    detect: 'version',
    conflict: { kind: 'dead-letter' },
    retry: { attempts: 5, minDelayMs: 100, maxDelayMs: 30_000 },
    ...more,
  };
}

export function column(name: string, type: string): Column {
  return { property: name, name, type, read: /^jsonb?$/.test(type) ? 'cast' : 'direct' };
}

/** A database with some tables, a sink on it, and a connection to look behind the sink's back. */
export class SinkFixture implements AsyncDisposable {
  readonly sink: ChangeSink;
  readonly sql: pg.Client;
  readonly url: string;
  readonly tableFaults: TableFault[] = [];
  readonly #database: Database;
  #tokens = 0;

  private constructor(
    created: Database,
    sql: pg.Client,
    tables: readonly Table[],
    options: Partial<PostgresSinkOptions>,
  ) {
    this.#database = created;
    this.url = created.url;
    this.sql = sql;
    this.sink = this.open(tables, options);
  }

  static async create(
    ddl: string,
    tables: readonly Table[],
    options: Partial<PostgresSinkOptions> = {},
  ): Promise<SinkFixture> {
    const created = await database();
    const sql = new pg.Client({ connectionString: created.url });
    sql.on('error', () => undefined);
    await sql.connect();
    await sql.query(ddl);
    const fixture = new SinkFixture(created, sql, tables, options);
    await fixture.sink.prepare(4, true);
    return fixture;
  }

  open(tables: readonly Table[], options: Partial<PostgresSinkOptions> = {}): ChangeSink {
    return openPostgresSink({
      connection: { connectionString: this.url, ...options.connection },
      poolSize: 4,
      namespace: 'test',
      tables,
      onTableFault: (fault) => this.tableFaults.push(fault),
      ...Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'connection')),
    });
  }

  batch(records: Iterable<readonly [RowKey, Staged]>, shard = 0): Batch {
    this.#tokens += 1;
    return {
      shard,
      token: `token-${this.#tokens}`,
      predecessor: 'origin',
      attempts: 1,
      claimedAtMs: 1_000_000_000,
      records: new Map([...records].map(([rowKey, record]) => [rowKey, staged(record)])),
      unreadable: new Map(),
    };
  }

  /** Writes and commits batches; answers the outcomes of all, by row key. */
  async flush(
    batches: readonly Batch[],
    parentsPending: ParentsPending = NOBODY,
    othersPending?: OthersPending,
  ): Promise<BatchOutcome> {
    // As a flush does that waits for a connection. Other tests write without it.
    this.sink.compose(batches);
    await using transaction = await this.sink.begin(batches.map(({ shard }) => shard));
    const outcomes = await transaction.write(batches, parentsPending, othersPending);
    await transaction.commit();
    return new Map([...outcomes.values()].flatMap((outcome) => [...outcome]));
  }

  /** Writes one batch of records. */
  write(...records: (readonly [RowKey, Staged])[]): Promise<BatchOutcome> {
    return this.flush([this.batch(records)]);
  }

  /** Writes one record; answers its outcome, `applied` if there is nothing to say. */
  async one(rowKey: RowKey, record: Staged): Promise<Outcome> {
    return (await this.write([rowKey, record])).get(rowKey) ?? { kind: 'applied' };
  }

  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.sql.query<Record<string, unknown>>(sql)).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sink.close();
    await this.sql.end();
    await this.#database.drop();
  }
}
