import { Redis } from 'ioredis';
import pg from 'pg';

/** A database and a namespace that one side has for itself. */
export interface Place {
  readonly databaseUrl: string;
  readonly namespace: string;
  /** Removes both. */
  clear(): Promise<void>;
}

/** Makes places on the servers of a run. What else is on these servers is left alone. */
export class Places {
  readonly #admin: pg.Pool;
  readonly #redis: Redis;
  readonly #databaseUrl: string;
  #made = 0;

  private constructor(admin: pg.Pool, redis: Redis, databaseUrl: string) {
    this.#admin = admin;
    this.#redis = redis;
    this.#databaseUrl = databaseUrl;
  }

  static async open({ databaseUrl, redisUrl }: { databaseUrl: string; redisUrl: string }): Promise<Places> {
    const admin = new pg.Pool({ connectionString: databaseUrl, max: 1 });
    return new Places(admin, new Redis(redisUrl), databaseUrl);
  }

  async make(): Promise<Place> {
    this.#made += 1;
    const name = `spillway_bench_${process.pid}_${this.#made}`;
    await this.#admin.query(`create database ${name}`);
    const url = new URL(this.#databaseUrl);
    url.pathname = name;
    return {
      databaseUrl: url.href,
      namespace: name,
      clear: async () => {
        await this.#admin.query(`drop database ${name} with (force)`);
        await this.#removeKeys(name);
      },
    };
  }

  /** What the servers are, for the head of a report. */
  async versions(): Promise<{ readonly postgres: string; readonly redis: string }> {
    const { rows } = await this.#admin.query<{ server_version: string }>('show server_version');
    const [, redis = 'unknown'] = /^redis_version:(\S+)/m.exec(await this.#redis.info('server')) ?? [];
    return { postgres: rows[0]?.server_version ?? 'unknown', redis };
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
    await this.#admin.end();
  }

  async #removeKeys(namespace: string): Promise<void> {
    for await (const keys of this.#redis.scanStream({ match: `*${namespace}[:}]*`, count: 1_000 }))
      if ((keys as string[]).length > 0) await this.#redis.unlink(keys as string[]);
  }
}
