import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { encodePlain } from '../../../src/change/record-codec.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { spillway, Spillway, type SpillwayEvent } from '../../../src/index.js';

/** What somebody else has put into Redis, met by a process that works. */

const Counter = defineEntity({
  name: 'Counter',
  properties: { id: p.integer().primary(), total: p.integer().default(0), version: p.integer().version() },
});

let db: Database;
let redis: Redis;
let orm: MikroORM;
let service: Spillway;
let namespace: string;
let lines: string[];
let events: SpillwayEvent[];

beforeAll(async () => {
  db = await database();
  redis = new Redis(sharedRedisUrl());
});

beforeEach(async () => {
  namespace = freshNamespace();
  lines = [];
  events = [];
  orm = await MikroORM.init({
    entities: [Counter],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace,
        shards: 2,
        tables: { ensure: true },
        logger: { warn: (line) => void lines.push(line), error: (line) => void lines.push(line) },
        policies: [[Counter.class, { mode: 'behind', debounce: 0, maxDelay: '20ms', counters: ['total'] }]],
      }),
    ],
  });
  await orm.schema.create();
  await orm.em.getConnection().execute('insert into counter (id) select generate_series(1, 20)');
  service = Spillway.of(orm);
  service.events$.subscribe((event) => events.push(event));
});

afterEach(async () => {
  await orm.schema.drop();
  await orm.close();
});

afterAll(async () => {
  redis.disconnect();
  await db.drop();
});

async function total(id: number): Promise<number> {
  const [row] = await orm.em
    .getConnection()
    .execute<{ total: number }[]>('select total from counter where id = ?', [id]);
  return row?.total ?? -1;
}

/** In every shard, so that it is in the right one. */
async function put(hash: 'dirty' | 'dead', field: string | Buffer, bytes: Buffer | string): Promise<void> {
  for (const shard of [0, 1]) {
    await redis.hset(`{${namespace}:${shard}}:${hash}`, field as never, bytes);
    if (hash === 'dirty') await redis.zadd(`{${namespace}:${shard}}:due`, 0, field as never);
  }
}

test.each([
  ['of codec 0', 0, []],
  ['of fifteen parts', 1, [0]],
])(
  'an increment %s that is staged is a dead letter, and is never written, however often it is tried again',
  async (_, codec, more) => {
    await service.start();
    const key = rowKeyOf({ schema: 'public', table: 'counter', key: ['1'] });
    const record = [
      codec,
      'increment',
      'Counter',
      '',
      '',
      new Map(),
      new Map([['total', '5']]),
      new Map(),
      1,
      1,
      1,
      1,
      0,
      0,
    ];
    await put('dirty', key, encodePlain([...record, ...more]));
    await eventually(async () => expect((await service.status()).dead).toBe(2));
    for (const letter of await service.deadLetters.list()) await service.deadLetters.retry(letter);
    await service.drain();
    await eventually(async () => expect((await service.status()).dead).toBe(2));
    expect((await service.deadLetters.list()).map(({ code }) => code)).toEqual(['UNREADABLE', 'UNREADABLE']);
    expect(await total(1)).toBe(0);
  },
);

test('one dead letter that cannot be read hides no other, names itself, is not put back, and can be discarded', async () => {
  await service.increment(Counter, 999, { total: 1 });
  await service.drain();
  await eventually(async () => expect((await service.status()).dead).toBe(1));
  await put('dead', '77', Buffer.from('c1', 'hex'));
  await put('dead', 'x\u001b[31m', 'garbage');
  const letters = await service.deadLetters.list();
  expect(letters.map(({ code }) => code).toSorted()).toEqual(['ROW_MISSING', ...Array(4).fill('UNREADABLE')]);
  const unreadable = letters.filter(({ code }) => code === 'UNREADABLE');
  expect(unreadable[0]?.reason).toMatch(/cannot be read: something else than Spillway has written it\. Discard it/u);
  await expect(service.deadLetters.retry(unreadable[0] as never)).rejects.toThrow(
    /^Dead letter .* of shard \d cannot be read, so it is not known which row it is of, .*discard it \[CONFIG_INVALID\]$/u,
  );
  expect(await Promise.all(unreadable.map(async (letter) => service.deadLetters.discard(letter)))).not.toContain(false);
  expect(await service.deadLetters.list()).toHaveLength(1);
});

test.each([
  ['no row key', 'x\n2026 ERROR forged line \u001b[31m'],
  ['no UTF-8', Buffer.from('5b227075626c6963222c22636f756e746572222c22ff225d', 'hex')],
  ['of another table', rowKeyOf({ schema: 'public', table: 'x\ny', key: ['\u001b[31m'] })],
])('a record whose key is %s becomes known on one line each, and the rows beside it are written', async (_, key) => {
  await service.start();
  const record = [
    1,
    'increment',
    'Co\nunter',
    '',
    '',
    new Map(),
    new Map([['total', '5']]),
    new Map(),
    1,
    1,
    1,
    1,
    0,
    0,
  ];
  await put('dirty', key, encodePlain(record));
  for (let id = 1; id <= 20; id += 1) await service.increment(Counter, id, { total: 1 });
  await eventually(async () => expect(await total(20)).toBe(1));
  await eventually(() => expect(lines.length).toBeGreaterThan(0));
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  expect(lines.filter((line) => /[\u0000-\u001f]/u.test(line))).toEqual([]);
  expect(events.filter(({ type }) => type === 'dead-letter' || type === 'paused').length).toBeGreaterThan(0);
  expect((await service.health()).pending).toEqual(expect.any(Number));
});

test('a shard whose numbers are none says so, a few times, and the other one goes on', async () => {
  await service.start();
  await service.increment(Counter, 1, { total: 1 });
  await service.drain();
  await redis.hset(`{${namespace}:0}:chain`, 'sequence', 'many', 'parts', 'x', 'horizon', 'inf');
  await redis.hset(`{${namespace}:0}:stats`, 'p:Counter', 'many', 'p:__proto__', 'x');
  const refused: unknown[] = [];
  for (let id = 1; id <= 20; id += 1)
    await service.increment(Counter, id, { total: 1 }).catch((error: unknown) => refused.push(error));
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(20);
  for (const error of refused)
    expect(String(error)).toMatch(
      /The key \{.*:0\}:chain in Redis at .* holds something that Spillway has not written, so nothing was done/u,
    );
  await eventually(async () => {
    const totals = await orm.em.getConnection().execute<{ sum: string }[]>('select sum(total) as sum from counter');
    expect(Number(totals[0]?.sum)).toBe(21 - refused.length);
  });
  const { pending } = await service.status();
  expect(Object.values(pending).every(Number.isFinite)).toBe(true);
  expect((await service.health()).pending).toEqual(expect.any(Number));
  expect(events.length).toBeLessThan(500);
});
