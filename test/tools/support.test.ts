import { database, eventually, loggedDatabase, postgres, redis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, test } from 'vitest';
import { parseStatements } from '../support/statement-log.js';

test('a killed Redis finds its data again', async () => {
  await using server = await redis({ requirepass: 'a:b/c' });
  await using client = connectRedis(server.url);
  await client.redis.set('key', 'value');
  await server.kill9();
  await server.restart({ 'maxmemory-policy': 'allkeys-lru' });
  expect(await client.redis.get('key')).toBe('value');
  expect(await client.redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'allkeys-lru']);
});

test('a paused Redis answers nothing until it is resumed', async () => {
  await using server = await redis();
  await using client = connectRedis(server.url, { commandTimeout: 100 });
  server.pause();
  await expect(client.redis.ping()).rejects.toThrow('Command timed out');
  server.resume();
  expect(await eventually(() => client.redis.ping())).toBe('PONG');
});

test('a killed PostgreSQL finds its commits again', async () => {
  await using server = await postgres();
  await using own = await database({ url: server.url });
  await query(own.url, 'create table fact (n int)');
  await query(own.url, 'insert into fact values (7)');
  await server.kill9();
  await expect(query(own.url, 'select n from fact')).rejects.toThrow('ECONNREFUSED');
  await server.restart();
  expect(await query(own.url, 'select n from fact')).toEqual([{ n: 7 }]);
});

test('a database is a copy of its template', async () => {
  await using server = await postgres();
  await using template = await database({ url: server.url });
  await query(template.url, 'create table fact as select 7 as n');
  await using copy = await database({ url: server.url, template: template.name });
  expect(await query(copy.url, 'select n from fact')).toEqual([{ n: 7 }]);
});

test('statements are counted at the server, each one, transactions included', async () => {
  await using own = await loggedDatabase();
  const client = new pg.Client(own.url);
  await client.connect();
  const seen = await own.statements.during(async () => {
    await client.query('begin');
    await client.query('select\n  $1::int as n', [3]);
    await client.query({ name: 'prepared', text: 'select 4 as n' });
    await client.query('commit');
  });
  expect(seen).toEqual(['begin', 'select\n  $1::int as n', 'select 4 as n', 'commit']);
  await client.end();
});

test('a log shows the statements of one database only', () => {
  const log = [
    'ours|1|app|LOG:  statement: select 1',
    'theirs|2|app|LOG:  statement: select 2',
    '\tfrom theirs',
    'ours|1|app|DETAIL:  parameters: $1 = 3',
    'ours|1||LOG:  execute <unnamed>: select 3',
    '\tfrom ours',
    '|9||LOG:  statement: checkpoint',
  ].join('\n');
  expect(parseStatements(log, 'ours')).toEqual(['select 1', 'select 3\nfrom ours']);
});

test('what does not come true in time fails with what was last seen', async () => {
  const never = () => expect('two rows').toBe('three rows');
  await expect(eventually(never, { timeoutMs: 20, what: 'all rows' })).rejects.toThrow(
    /Waited 20 ms for all rows; the last failure was: .*two rows/s,
  );
  await expect(eventually(() => false, { timeoutMs: 20 })).rejects.toThrow('the last answer was false');
});

function connectRedis(url: string, options = {}) {
  const client = new Redis(url, { maxRetriesPerRequest: null, ...options });
  client.on('error', () => {}); // Expected while the server is down.
  return { redis: client, [Symbol.asyncDispose]: async () => client.disconnect() };
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  client.on('error', () => {}); // Expected when the server is killed.
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
