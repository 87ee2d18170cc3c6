import type { MikroORM } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Book, libraryOrm } from './library.js';

let db: Database;
let orm: MikroORM;
let other: MikroORM;
let client: Redis;
let namespace: string;

beforeEach(async () => {
  db = await database();
  namespace = freshNamespace();
  client = new Redis(sharedRedisUrl());
  const settings = { redis: sharedRedisUrl(), namespace, worker: false, shards: 1 } as const;
  orm = await libraryOrm(db.url, settings);
  await orm.schema.create();
  other = await libraryOrm(db.url, settings);
});

afterEach(async () => {
  await orm.close();
  await other.close();
  client.disconnect();
  await db.drop();
});

async function writtenBook(): Promise<string> {
  const em = orm.em.fork();
  const { id } = em.create(Book, { title: 'old' });
  await em.flush();
  await Spillway.of(orm).drain();
  return id;
}

async function rename(id: string, title: string): Promise<void> {
  const em = orm.em.fork();
  (await em.findOneOrFail(Book, id)).title = title;
  await em.flush();
}

const titleOf = async (id: string): Promise<string> => (await other.em.fork().findOneOrFail(Book, id)).title;

/** Redis is as it was when this was called, as after a failover to a replica that lagged. */
async function rememberRedis(): Promise<() => Promise<void>> {
  const dumps = new Map<string, Buffer>();
  const keys = async (): Promise<string[]> => client.keys(`{${namespace}:*`);
  for (const key of await keys()) dumps.set(key, await client.dumpBuffer(key));
  return async () => {
    await client.del(...(await keys()));
    for (const [key, dump] of dumps) await client.restore(key, 0, dump);
  };
}

test('H16 (R4): a row that a transaction has promoted is not read from a copy that was filled before its commit, by a Redis that has forgotten the change', async () => {
  const id = await writtenBook();
  const fallBack = await rememberRedis();
  await orm.em.fork().transactional(async (em) => {
    await em.execute('select from book where id = ? for update', [id]);
    await rename(id, 'new');
    expect((await em.findOneOrFail(Book, id)).title).toBe('new');
    await fallBack();
    // A reader fills a copy: nothing is pending, and the transaction has not committed.
    expect([await titleOf(id), await titleOf(id)]).toEqual(['old', 'old']);
  });
  expect(await titleOf(id)).toBe('new');
});
