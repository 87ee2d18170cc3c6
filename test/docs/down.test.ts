import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { database, eventually, postgres, redis, type PrivateRedis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { Product, shop } from './shop.js';

/**
 * The table "When something is down" of docs/operations.md, row by row: a shop with a worker, and a product that is
 * written.
 */
class Shop implements AsyncDisposable {
  readonly orm: MikroORM;
  readonly em: SqlEntityManager;
  readonly product: Product;

  private constructor(orm: MikroORM, em: SqlEntityManager, product: Product) {
    this.orm = orm;
    this.em = em;
    this.product = product;
  }

  static async open(databaseUrl: string, server: PrivateRedis): Promise<Shop> {
    const options = { redis: server.url, worker: true, stageTimeout: '100ms', tables: { ensure: true } } as const;
    const orm = await shop(databaseUrl, options);
    await orm.schema.create();
    const em = orm.em.fork();
    const product = em.create(Product, { id: randomUUID(), name: 'Lid' });
    await em.flush();
    await Spillway.of(orm).drain();
    return new Shop(orm, em, product);
  }

  async viewed(): Promise<void> {
    this.product.views += 1;
    await this.em.flush();
  }

  /** As a fresh reader sees it, by key. */
  async read(): Promise<number> {
    return (await this.orm.em.fork().findOneOrFail(Product, this.product.id)).views;
  }

  /** As it is in PostgreSQL. */
  async written(): Promise<unknown> {
    const [row] = await this.em.getConnection().execute('select views from product where id = ?', [this.product.id]);
    return row?.['views'];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.orm.close();
  }
}

test('PostgreSQL is down: staging goes on, reads fail, and what was staged is written once it is back', async () => {
  await using server = await redis();
  await using own = await postgres();
  const db = await database({ url: own.url });
  await using open = await Shop.open(db.url, server);
  await own.kill9();
  await open.viewed();
  await open.viewed();
  // A connection that was killed ends with one of these, by how far Node has noticed; a new one is refused.
  await expect(open.read()).rejects.toThrow(/ECONNREFUSED|ECONNRESET|EPIPE|terminat/i);
  await own.restart();
  await eventually(async () => expect(await open.written()).toBe(2));
});

test('Redis refuses connections: staging and reads fail, and the next flush finds it back', async () => {
  await using server = await redis();
  await using db = await database();
  await using open = await Shop.open(db.url, server);
  await server.kill9();
  // A call that has left before Node notices the end of the connection is in doubt.
  await expect(open.viewed()).rejects.toMatchObject({
    code: expect.stringMatching(/^STAGING_(?:UNAVAILABLE|TIMEOUT)$/u),
  });
  await expect(open.read()).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
  await server.restart();
  await eventually(() => open.em.flush());
  await eventually(async () => expect(await open.written()).toBe(1));
});

test('Redis is silent: the flush is in doubt, and the next one finds out and counts once', async () => {
  await using server = await redis();
  await using db = await database();
  await using open = await Shop.open(db.url, server);
  server.pause();
  await expect(open.viewed()).rejects.toMatchObject({ code: 'STAGING_TIMEOUT' });
  server.resume();
  await eventually(() => open.em.flush());
  await eventually(async () => expect(await open.written()).toBe(1));
});

test('Redis is emptied: what was pending is lost, and everything goes on from PostgreSQL', async () => {
  await using server = await redis();
  await using db = await database();
  await using open = await Shop.open(db.url, server);
  await open.orm.close();
  await using orm = await shop(db.url, { redis: server.url });
  const service = Spillway.of(orm);
  await service.increment(Product, open.product.id, { views: 1 });
  const client = new Redis(server.url);
  await client.flushall();
  client.disconnect();
  await service.increment(Product, open.product.id, { views: 10 });
  expect(await service.drain()).toEqual({ left: 0 });
  expect(await service.status()).toMatchObject({ pending: {}, dead: 0 });
  expect((await orm.em.fork().findOneOrFail(Product, open.product.id)).views).toBe(10);
});
