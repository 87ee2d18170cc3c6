import { redisRights, Spillway } from '@spillway/core';
import { database, documentedGrants, postgres, redis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { codeBlocks, document } from './markdown.js';
import { Product, shop } from './shop.js';
import { usedCommands, usedOnOwnTables } from './used-rights.js';

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

const blocks = codeBlocks(document('SECURITY.md'));
const rule = blocks.find(({ code }) => code.startsWith('ACL SETUSER'))?.code.trim() ?? '';
const grants = blocks.find(({ file }) => file === 'rights.sql')?.code ?? '';

test('the rights in Redis that SECURITY.md lists are those that redisRights() answers', () => {
  expect(rule).toBe(`ACL SETUSER spillway on >secret ${redisRights({ namespace: 'shop' })}`);
});

describe('redisRights() answers the commands that the scripts and the code use, and no others', () => {
  const used = (...rooms: readonly ('redis' | 'nodes' | 'reshard')[]): string =>
    [...usedCommands(...rooms)]
      .toSorted()
      .map((command) => `+${command}`)
      .join(' ');

  test('of one server', () => {
    expect(redisRights()).toBe(`resetkeys ~{app:* nocommands ${used('redis', 'reshard')}`);
  });

  test('of several, which have the map', () => {
    expect(redisRights({ namespace: 'x.y:z-1', topology: 'nodes' })).toBe(
      `resetkeys ~{x.y:z-1:* nocommands ${used('redis', 'nodes', 'reshard')}`,
    );
  });

  test('and what waits, for a tier', () => {
    expect(redisRights({ durability: 'replicated' })).toContain(' +wait +zadd ');
    expect(redisRights({ durability: ['primary', 'replicated', 'fsynced'] })).toContain(' +wait +waitaof +zadd ');
  });

  test('and SELECT, for another database than the first', () => {
    expect(redisRights({ database: 1 })).toContain(' +rename +select +time');
  });
});

test('redisRights() refuses a name that would give other rights', () => {
  expect(() => redisRights({ namespace: 'shop:* +@all' })).toThrow(
    'redisRights() is asked about the namespace "shop:* +@all", which no namespace can be called. ' +
      'Give it the namespace of spillway()',
  );
});

test('the rights in PostgreSQL that SECURITY.md lists are those that the SQL uses, and no others', () => {
  const listed = documentedGrants();
  for (const [table, verbs] of usedOnOwnTables())
    expect([table, [...(listed.get(table) ?? [])].toSorted()]).toEqual([table, [...verbs].toSorted()]);
  expect([...listed.keys()].toSorted()).toEqual([
    'product',
    'spillway_batch',
    'spillway_doubt',
    'spillway_registry',
    'spillway_shard',
  ]);
});

test('the rights that SECURITY.md lists are enough', async () => {
  await using server = await redis();
  await using own = await postgres();
  await using db = await database({ url: own.url });
  await acl(server.url, rule.split(' '));

  const tables = codeBlocks(document('docs/operations.md')).find(({ file }) => file === 'tables.sql');
  await query(db.url, `${tables?.code ?? ''};${productTable};create role application login;${grants}`);
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
