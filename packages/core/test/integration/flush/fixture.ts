import { database, type Database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { RowKey } from '../../../src/change/row-key.js';
import { parseRowKey } from '../../../src/change/row-key.js';
import { adoptShards } from '../../../src/flush/adopt-shards.js';
import { type FlushDeps, flushShards, type FlushStep, type FlushSteps } from '../../../src/flush/flush-shards.js';
import { monotonicScheduler } from '../../../src/flush/monotonic-scheduler.js';
import type { ChangeSink } from '../../../src/sink/change-sink.js';
import type { PostgresSinkOptions } from '../../../src/sink/postgres/options.js';
import { openRedisStaging } from '../../../src/staging/redis/open-redis-staging.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { openProductSink, PRODUCT_DDL, SHARDS } from './product-sink.js';

export { SHARDS };

interface SinkChoice {
  readonly url?: string;
  readonly name?: string;
  readonly limits?: PostgresSinkOptions['limits'];
}

/** A real Redis, a real PostgreSQL with a table of counters, and the flush between them. */
export class FlushFixture implements AsyncDisposable {
  readonly staging: StagingStore;
  readonly sink: ChangeSink;
  readonly sql: pg.Client;
  readonly databaseUrl: string;
  readonly #database: Database;
  readonly namespace: string;
  readonly #redis: Redis;
  readonly #closing: (() => Promise<void>)[] = [];

  private constructor(created: Database, sql: pg.Client, namespace: string, redis: Redis, staging: StagingStore) {
    this.#database = created;
    this.databaseUrl = created.url;
    this.sql = sql;
    this.namespace = namespace;
    this.#redis = redis;
    this.staging = staging;
    this.sink = this.openSink();
  }

  static async create(): Promise<FlushFixture> {
    const created = await database();
    const sql = new pg.Client({ connectionString: created.url });
    await sql.connect();
    await sql.query(PRODUCT_DDL);
    const namespace = freshNamespace('flush');
    const redis = new Redis(sharedRedisUrl());
    const staging = await openRedisStaging({
      redis: sharedRedisUrl(),
      namespace,
      shards: SHARDS,
      acceptVolatile: true,
    });
    const fixture = new FlushFixture(created, sql, namespace, redis, staging);
    await fixture.sink.prepare(SHARDS, true);
    await adoptShards([0, 1, 2, 3], staging, fixture.sink);
    return fixture;
  }

  /**
   * Another sink on the same database, as another process would have it. `name` is what PostgreSQL calls its
   * connections.
   */
  openSink({ url = this.databaseUrl, name = 'spillway', limits }: SinkChoice = {}): ChangeSink {
    const sink = openProductSink(url, name, limits);
    this.#closing.push(() => sink.close());
    return sink;
  }

  deps(change: Partial<FlushDeps> = {}): FlushDeps {
    return {
      staging: this.staging,
      sink: this.sink,
      scheduler: monotonicScheduler,
      claimTimeoutMs: 1_000,
      onStagingLoss: 'park',
      ...change,
    };
  }

  /** Flushes, and answers the kind of each result, in the order of the shards. */
  async flush(shards: readonly number[], limit = 100, change: Partial<FlushDeps> = {}): Promise<readonly string[]> {
    const report = await flushShards(shards, limit, this.deps(change));
    return shards.map((shard) => report.get(shard)?.kind ?? 'none');
  }

  /** The stock of each row, zeros left out. */
  async stock(): Promise<Readonly<Record<number, number>>> {
    const { rows } = await this.sql.query<{ id: number; stock: number }>(
      'select id, stock from product where stock <> 0',
    );
    return Object.fromEntries(rows.map(({ id, stock }) => [id, stock]));
  }

  /**
   * Ends the connections of that name at the server, and waits until they are gone; their owners hear of it when they
   * next use them.
   */
  async killConnections(name: string): Promise<void> {
    await this.sql.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and application_name = '${name}'`);
  }

  /** Every key of the staging store as it is now. */
  async snapshot(): Promise<ReadonlyMap<string, Buffer>> {
    const dumps = new Map<string, Buffer>();
    for (const key of await this.#redis.keys(`{${this.namespace}:*`)) {
      const dump = await this.#redis.dumpBuffer(key);
      if (dump !== null) {
        dumps.set(key, dump);
      }
    }
    return dumps;
  }

  /** The staging store is as it was then, as after a failover to a replica that lagged. */
  async fallBack(snapshot: ReadonlyMap<string, Buffer>): Promise<void> {
    const transaction = this.#redis.multi();
    for (const key of await this.#redis.keys(`{${this.namespace}:*`)) {
      transaction.del(key);
    }
    for (const [key, dump] of snapshot) {
      transaction.restore(key, 0, dump);
    }
    await transaction.exec();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
    await this.staging.close();
    await this.fallBack(new Map());
    await this.#redis.quit();
    await this.sql.end();
    await this.#database.drop();
  }
}

export function idOf(rowKey: RowKey): number {
  return Number(parseRowKey(rowKey).key[0]);
}

/** A process that stands still when it has done a step, until it is let go on. */
export function standStillAfter(step: FlushStep): {
  readonly steps: FlushSteps;
  readonly reached: Promise<void>;
  readonly goOn: () => void;
} {
  const reached = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const steps: FlushSteps = async (done) => {
    if (done === step) {
      reached.resolve();
      await going.promise;
    }
  };
  return { steps, reached: reached.promise, goOn: () => going.resolve() };
}
