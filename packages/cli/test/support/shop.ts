import { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, spillway, type SpillwayOptions } from '@spillway/core';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import pg from 'pg';
import { Customer, Product, TABLES } from '../application/entities.js';

/** The application whose command line is tested: its tables are there, and this process stages without a worker. */
export interface Shop extends AsyncDisposable {
  readonly db: Database;
  readonly options: SpillwayOptions & { readonly namespace: string };
  readonly orm: MikroORM;
  readonly spillway: Spillway;
  /** The environment in which its command line finds it. */
  readonly env: Readonly<Record<string, string>>;
  stage(count: number): Promise<void>;
}

export async function openShop(given: Partial<SpillwayOptions> = {}): Promise<Shop> {
  const db = await database();
  await runSql(db.url, TABLES);
  const options = {
    redis: sharedRedisUrl(),
    namespace: freshNamespace(),
    shards: 4,
    tables: { ensure: true },
    ...given,
  };
  const extensions = [spillway({ ...options, worker: false })];
  const orm = await MikroORM.init({ entities: [Product, Customer], clientUrl: db.url, extensions });
  let next = 1;
  return {
    db,
    options,
    orm,
    spillway: Spillway.of(orm),
    env: environmentOf(db.url, options),
    async stage(count) {
      const em = orm.em.fork();
      for (const last = next + count; next < last; next += 1) em.create(Product, { id: next, name: `Product ${next}` });
      await em.flush();
    },
    async [Symbol.asyncDispose]() {
      await orm.close();
      await db.drop();
    },
  };
}

export function environmentOf(databaseUrl: string, options: object): Readonly<Record<string, string>> {
  return { SHOP_DATABASE: databaseUrl, SHOP_SPILLWAY: JSON.stringify(options) };
}

export async function runSql(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
