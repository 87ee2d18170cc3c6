import type { MikroORM } from '@mikro-orm/postgresql';
import { Redis } from 'ioredis';
import { database, eventually, freshNamespace, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Author, Book, libraryOrm } from './library.js';

let db: Database;
let server: PrivateRedis;
let here: MikroORM;
let there: MikroORM;
const namespace = freshNamespace();

beforeAll(async () => {
  db = await database();
  server = await redis({ appendfsync: 'always' });
  const settings = { redis: server.url, namespace, worker: false, stageTimeout: '300ms' } as const;
  here = await libraryOrm(db.url, settings);
  await here.schema.create();
  there = await libraryOrm(db.url, settings);
});

// A test may leave a server behind that has just been started again, and clients that are about to connect.
beforeEach(async () => {
  for (const orm of [here, there]) await eventually(async () => void (await Spillway.of(orm).status()));
});

afterAll(async () => {
  await here.close();
  await there.close();
  await server.stop();
  await db.drop();
});

async function written(name: string): Promise<string> {
  const em = here.em.fork();
  const { id } = em.create(Author, { name });
  await em.flush();
  return id;
}

async function rename(orm: MikroORM, id: string, name: string): Promise<void> {
  const em = orm.em.fork();
  (await em.findOneOrFail(Author, id)).name = name;
  await em.flush();
}

async function nameIn(orm: MikroORM, id: string): Promise<string> {
  return (await orm.em.fork().findOneOrFail(Author, id)).name;
}

/** Whether a row comes from its copy: PostgreSQL has another name by then. */
async function isCopied(orm: MikroORM, id: string): Promise<boolean> {
  const real = await nameIn(orm, id);
  await here.em.getConnection().execute('update author set name = ? where id = ?', [`not ${real}`, id]);
  const seen = await nameIn(orm, id);
  await here.em.getConnection().execute('update author set name = ? where id = ?', [real, id]);
  return seen === real;
}

test('a write-through entity is read and written while Redis is down, and no copy that is back with it is believed', async () => {
  const id = await written('before');
  await nameIn(there, id);
  expect(await isCopied(there, id)).toBe(true);
  await server.kill9();

  const started = performance.now();
  expect(await nameIn(there, id)).toBe('before');
  expect(performance.now() - started).toBeLessThan(1_000);
  await rename(here, id, 'during');
  expect(await nameIn(there, id)).toBe('during');
  const second = performance.now();
  await rename(here, id, 'during, again');
  expect(performance.now() - second).toBeLessThan(1_000);

  // Its append-only file has the copy of the first state.
  await server.restart();
  for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe('during, again');
  await eventually(async () => expect(await isCopied(there, id)).toBe(true), { timeoutMs: 30_000 });
  await rename(here, id, 'after');
  for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe('after');
});

test('a silent Redis costs the first read a moment, and the first write one wait', async () => {
  const id = await written('before');
  await nameIn(there, id);
  server.pause();
  try {
    const readAt = performance.now();
    expect(await nameIn(there, id)).toBe('before');
    expect(performance.now() - readAt).toBeLessThan(1_500);
    const againAt = performance.now();
    expect(await nameIn(there, id)).toBe('before');
    expect(performance.now() - againAt).toBeLessThan(200);
    const writeAt = performance.now();
    await rename(here, id, 'during');
    expect(performance.now() - writeAt).toBeLessThan(4_000);
    expect(await nameIn(there, id)).toBe('during');
  } finally {
    server.resume();
  }
  // What was sent while it slept runs now; the copy of "before" is in there still.
  for (let look = 0; look < 50; look += 1)
    for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe('during');
  await eventually(async () => expect(await isCopied(there, id)).toBe(true), { timeoutMs: 30_000 });
});

test('a process that cannot reach Redis writes, and those that can do not believe their copies', async () => {
  const id = await written('before');
  await nameIn(there, id);
  expect(await isCopied(there, id)).toBe(true);
  const cut = await libraryOrm(db.url, { redis: 'redis://127.0.0.1:1', namespace, worker: false });
  try {
    await rename(cut, id, 'past the cache');
    for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe('past the cache');
    await rename(cut, id, 'and again');
    for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe('and again');
  } finally {
    await cut.close();
  }
  await eventually(async () => expect(await isCopied(there, id)).toBe(true), { timeoutMs: 30_000 });
});

test('an emptied Redis is a cache without copies', async () => {
  const id = await written('before');
  await nameIn(there, id);
  const client = new Redis(server.url);
  await client.flushall();
  client.disconnect();
  expect(await nameIn(there, id)).toBe('before');
  await rename(here, id, 'after');
  expect(await nameIn(there, id)).toBe('after');
  await eventually(async () => expect(await isCopied(there, id)).toBe(true), { timeoutMs: 30_000 });
});

describe('F22: a Redis out of memory', () => {
  async function outOfMemory(meanwhile: () => Promise<void>): Promise<void> {
    const client = new Redis(server.url);
    try {
      await client.config('SET', 'maxmemory', '1');
      await expect(client.set('probe', 'x')).rejects.toThrow(/^OOM/);
      await meanwhile();
    } finally {
      await client.config('SET', 'maxmemory', '0');
      client.disconnect();
    }
  }

  test('takes copies away all the same', async () => {
    const id = await written('before');
    const added = here.em.fork();
    const book = added.create(Book, { title: 'before' });
    await added.flush();
    await Spillway.of(here).drain();
    await nameIn(there, id);
    await there.em.fork().findOneOrFail(Book, book.id);
    expect(await isCopied(there, id)).toBe(true);
    const titleIn = async (orm: MikroORM) => (await orm.em.fork().findOneOrFail(Book, book.id)).title;
    await outOfMemory(async () => {
      for (const name of ['during', 'during, again']) {
        await rename(here, id, name);
        for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe(name);
        await here.em.fork().nativeUpdate(Book, { title: { $like: '%e%' } }, { title: `${name}, e` });
        for (const orm of [here, there]) expect(await titleIn(orm)).toBe(`${name}, e`);
        await here.em.fork().transactional(async (em) => {
          (await em.findOneOrFail(Book, book.id)).title = `${name}, e, in a transaction`;
        });
        for (const orm of [here, there]) expect(await titleIn(orm)).toBe(`${name}, e, in a transaction`);
      }
    });
    for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe('during, again');
    for (const orm of [here, there]) expect(await titleIn(orm)).toBe('during, again, e, in a transaction');
    await eventually(async () => expect(await isCopied(there, id)).toBe(true), { timeoutMs: 30_000 });
    await rename(here, id, 'after');
    for (const orm of [here, there]) expect(await nameIn(orm, id)).toBe('after');
  });
});
