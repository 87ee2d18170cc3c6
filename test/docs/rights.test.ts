import { Spillway } from '@spillway/core';
import { database, postgres, redis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, test } from 'vitest';
import { codeBlocks, document } from './markdown.js';
import { Product, shop } from './shop.js';

/** Everything that a process does: staging, reading, writing, and looking after dead letters. */
async function useAll(databaseUrl: string, redisUrl: string): Promise<void> {
  const orm = await shop(databaseUrl, { redis: redisUrl, worker: true });
  const service = Spillway.of(orm);
  await service.start();
  const em = orm.em.fork();
  const product = em.create(Product, { id: randomUUID(), name: 'Cup' });
  await em.flush();
  expect(await orm.em.fork().findOneOrFail(Product, product.id)).toMatchObject({ name: 'Cup', version: 1 });
  await service.increment(Product, randomUUID(), { views: 1 });
  await service.drain();
  expect(await service.status()).toMatchObject({ pending: {}, dead: 1 });
  const [letter] = await service.deadLetters.list();
  expect(letter?.code).toBe('ROW_MISSING');
  expect(letter && (await service.deadLetters.retry(letter))).toBe('staged');
  await service.drain();
  const [again] = await service.deadLetters.list();
  expect(again && (await service.deadLetters.discard(again))).toBe(true);
  em.remove(product);
  await em.flush();
  expect(await orm.em.fork().count(Product)).toBe(0);
  await orm.close();
}

const productTable =
  'create table product (id uuid primary key, name varchar(255) not null, views int not null default 0, version int not null default 1)';

test('the tables of docs/operations.md, made by hand, are those that Spillway needs', async () => {
  await using server = await redis();
  await using db = await database();
  const tables = codeBlocks(document('docs/operations.md')).find(({ file }) => file === 'tables.sql');
  await query(db.url, `${tables?.code ?? ''};${productTable}`);
  await expect(useAll(db.url, server.url)).resolves.toBeUndefined();
});

test('the rights that SECURITY.md lists are enough', async () => {
  await using server = await redis();
  await using own = await postgres();
  await using db = await database({ url: own.url });
  const rule =
    codeBlocks(document('SECURITY.md'))
      .find(({ code }) => code.startsWith('ACL SETUSER'))
      ?.code.trim() ?? '';
  await acl(server.url, rule.split(' '));

  const tables = codeBlocks(document('docs/operations.md')).find(({ file }) => file === 'tables.sql');
  await query(
    db.url,
    `${tables?.code ?? ''};${productTable};
create role application login;
grant select, insert, update, delete on product, spillway_shard, spillway_batch, spillway_doubt to application`,
  );
  const asRole = new URL(db.url);
  asRole.username = 'application';
  const asUser = new URL(server.url);
  asUser.username = 'spillway';
  asUser.password = 'secret';
  await expect(useAll(asRole.href, asUser.href)).resolves.toBeUndefined();
});

async function acl(url: string, [command = '', ...args]: readonly string[]): Promise<void> {
  const client = new Redis(url);
  await client.call(command, ...args);
  client.disconnect();
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}
