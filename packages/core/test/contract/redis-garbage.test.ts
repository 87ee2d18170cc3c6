import { freshNamespace, sharedRedisUrl, thinned } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { encodePlain } from '../../src/change/record-codec.js';
import { type RowKey, rowKeyOf } from '../../src/change/row-key.js';
import { SpillwayError } from '../../src/errors.js';
import { type KeyName, shardKeys } from '../../src/staging/redis/keys.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisStaging } from '../../src/staging/redis/redis-staging.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';
import { fenceOne, stageOne, usable } from '../../src/testing/contract/one-unit.js';

/**
 * Something of everything stands in one shard; then something else is put in the place of one thing after the other,
 * and everything is asked of the store.
 */

const TABLE = { schema: 'public', table: 'product' };
const ROWS = Array.from({ length: 9 }, (_, key) => rowKeyOf({ ...TABLE, key: [String(key)] }));
const [BOTH, INNOCENT, DEAD, HELD, WRITTEN, COPY, TICKET, BLOCKED, ADDED] = ROWS as [
  RowKey,
  RowKey,
  RowKey,
  RowKey,
  RowKey,
  RowKey,
  RowKey,
  RowKey,
  RowKey,
];
const BURIED = { kind: 'buried', code: '23514', reason: 'check', rejected: true, counted: false } as const;
/** Told from everything else that is staged. */
const MARK = 'innocent';

const namespace = freshNamespace('garbage');
const keys = shardKeys(namespace, 0);
const NAMES = Object.keys(keys) as KeyName[];
let redis: Redis;
let store: RedisStaging;
let state: ReadonlyMap<KeyName, Buffer>;

function change(rowKey: RowKey, value: string): Change {
  return { kind: 'upsert', entity: 'Product', rowKey, values: { name: `"${value}"` }, deltas: {}, originals: {} };
}

const call = (id: string, rowKey: RowKey, value = 'x') => ({
  shard: 0,
  id,
  changes: [change(rowKey, value)],
  rules: { Product: { ...AT_ONCE, policy: 'p1' } },
});

beforeAll(async () => {
  redis = new Redis(sharedRedisUrl());
  store = await openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 1, acceptVolatile: true });
  await store.adopt(0, 'T0');
  await stageOne(store, call('written', WRITTEN));
  await store.claim(0, { token: 'T1', predecessor: 'T0', limit: 9 });
  await store.acknowledge(0, 'T1', new Map(), []);
  await stageOne(store, call('dead', DEAD));
  await store.claim(0, { token: 'T2', predecessor: 'T1', limit: 9 });
  await store.acknowledge(0, 'T2', new Map([[DEAD, BURIED]]), [DEAD]);
  await stageOne(store, call('flying', BOTH));
  await store.due.make({ kind: 'all' });
  await store.claim(0, { token: 'T3', predecessor: 'T2', limit: 9 });
  await stageOne(store, call('added', ADDED));
  await store.extend(0, { token: 'T3', attempts: 1, outcomes: new Map(), rows: [ADDED] });
  await stageOne(store, call('both', BOTH));
  await stageOne(store, call('innocent', INNOCENT, MARK));
  await store.held.hold({ ...call('hold', HELD), transaction: '77', standing: [] });
  const looked = await store.cache.look(TABLE, [COPY, TICKET]);
  const answer = looked.get(COPY);
  if (answer?.kind !== 'ticket') throw new Error('There is no ticket');
  await store.cache.keep(TABLE, [{ rowKey: COPY, ticket: answer.ticket, bytes: Buffer.from('copy') }], 600_000);
  await store.cache.block({ table: TABLE, keys: [BLOCKED] }, '88');
  const dumps = new Map<KeyName, Buffer>();
  for (const name of NAMES) {
    const dump = await redis.dumpBuffer(keys[name]);
    if (dump !== null) dumps.set(name, dump);
  }
  state = dumps;
});

afterAll(async () => {
  await redis.del(...Object.values(keys));
  redis.disconnect();
  await store.close();
});

async function restore(): Promise<void> {
  const transaction = redis.multi().del(...Object.values(keys));
  for (const [name, dump] of state) transaction.restore(keys[name], 0, dump);
  await transaction.exec();
}

/** Everything that a process asks, one after the other; what it was refused. */
async function askEverything(): Promise<readonly unknown[]> {
  const refusals: unknown[] = [];
  const ask = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await act();
    } catch (error) {
      refusals.push(error);
      return undefined;
    }
  };
  const marks = ROWS.map((rowKey) => ({ rowKey, sequence: 1 }));
  const letters = async (): Promise<void> => {
    for (const letter of (await ask(async () => store.deadLetters.list())) ?? []) {
      await ask(async () => store.deadLetters.get(letter));
      await ask(async () => store.deadLetters.retry(letter));
    }
  };
  const stats = await ask(async () => store.stats());
  for (const count of [
    ...Object.values(stats?.pending ?? {}),
    stats?.dead,
    stats?.held,
    stats?.inFlight,
    stats?.staged,
  ])
    if (count !== undefined && !Number.isFinite(count)) refusals.push(new Error(`A count is ${count}`));
  await ask(async () => store.due.next());
  await ask(async () => store.due.any({ kind: 'tables', tables: [TABLE] }));
  await ask(async () => store.peek(ROWS));
  await ask(async () => store.settled(marks));
  await ask(async () => store.held.list());
  await ask(async () => store.cache.look(TABLE, ROWS));
  await ask(async () => store.cache.block({ table: TABLE, keys: 'all' }, '99'));
  await ask(async () => store.cache.unblock({ table: TABLE, keys: [BLOCKED] }, '88'));
  await ask(async () => store.policies.leave(['Product', 'Customer'], 0));
  await letters();
  for (const [index, row] of ROWS.entries()) {
    const fresh = call(`new-${index}`, row);
    await ask(async () => usable(await store.check(fresh, fresh.rules)));
    const held = { ...call(`held-${index}`, row), transaction: '77', standing: ['hold'] };
    await ask(async () => usable(await store.held.hold(held)));
  }
  for (const id of ['written', 'innocent', 'hold', 'unknown'])
    await ask(async () => fenceOne(store, call(id, INNOCENT)));
  await ask(async () => store.held.stage(0, new Map([['hold', []]])));
  const due = await ask(async () => store.due.make({ kind: 'all' }));
  await ask(async () => store.due.pending(due ?? new Map()));
  await ask(async () => store.due.rows({ kind: 'all' }, [0]));
  await ask(async () => store.extend(0, { token: 'T3', attempts: 1, outcomes: new Map(), rows: [INNOCENT] }));
  await ask(async () => store.acknowledge(0, 'T3', new Map([[BOTH, BURIED]]), [BOTH]));
  await letters();
  await ask(async () => store.claim(0, { token: 'T4', predecessor: 'T3', limit: 99 }));
  await ask(async () => stageOne(store, call('again', ROWS[0] as RowKey)));
  await ask(async () => store.park(0, { inFlight: 'T4', last: 'T3' }, 'T5', 'park'));
  await ask(async () => store.empty(0, { kind: 'tables', tables: [{ schema: 'public', table: 'other' }] }, 'T5'));
  await ask(async () => store.due.next());
  await letters();
  return refusals;
}

/** Everything that is pending or dead, as it stands there. */
async function content(): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const name of ['dirty', 'flight', 'held', 'dead'] as const)
    if ((await redis.type(keys[name])) === 'hash') parts.push(...(await redis.hvalsBuffer(keys[name])));
  return Buffer.concat(parts);
}

/** What is wrong with how the store has taken it. */
async function complaints(
  what: string,
  expected: (error: unknown) => boolean,
  lost = false,
): Promise<readonly string[]> {
  const refusals = await askEverything();
  const raw = refusals.filter((error) => !expected(error)).map(String);
  const isThere = lost || (await content()).includes(MARK);
  return [...new Set(raw)]
    .map((text) => `${what}: ${text}`)
    .concat(isThere ? [] : [`${what}: an acknowledged change is gone`]);
}

/** It says what cannot be used, by name. */
function isNamed(error: unknown): boolean {
  return error instanceof SpillwayError && ['CONFIG_INVALID', 'SHARD_MAP_MISMATCH'].includes(error.code);
}

const GARBAGE: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from('x'),
  Buffer.from('-1'),
  Buffer.from('NaN'),
  Buffer.from('1e400'),
  Buffer.from('99999999999999999999'),
  Buffer.from('c1c1', 'hex'),
  Buffer.from('ffff', 'hex'),
  Buffer.from('dd00000003', 'hex'),
  Buffer.from([5]),
  encodePlain(null),
  encodePlain([]),
  encodePlain([null, null, null]),
  encodePlain([[[[[]]]]]),
  encodePlain([5, 5, 5, 5]),
  encodePlain([{}, {}]),
  encodePlain(['x', 'x', 'x', 'x', 'x', 'x']),
  encodePlain([['x', 'x', 'x']]),
  encodePlain([['x', 'x', [1, 'update']]]),
  Buffer.concat([encodePlain(['77', 1]), encodePlain([[ROWS[3]], { Product: 'x' }])]),
  Buffer.concat([encodePlain([ROWS[0], 'code', 'reason', 'token', 1]), Buffer.from('c1', 'hex')]),
];

const HASHES = NAMES.filter((name) => name !== 'due');

describe.each(HASHES)('something else in %s', (name) => {
  test('in the place of each of its fields makes no call raise what nobody expects, and loses nothing in silence', async () => {
    await restore();
    const fields = await redis.hkeysBuffer(keys[name]);
    const found: string[] = [];
    for (const [turn, field] of fields.entries()) {
      for (const bytes of thinned(GARBAGE, turn, 10)) {
        await restore();
        const isInnocent = field.equals(Buffer.from(INNOCENT)) && name === 'dirty';
        await redis.hset(keys[name], field as never, bytes);
        found.push(...(await complaints(`${String(field)} = ${bytes.toString('hex')}`, isNamed, isInnocent)));
        if (isInnocent && bytes.length > 4 && !(await content()).includes(bytes))
          found.push('What could not be read is gone');
      }
    }
    expect(found).toEqual([]);
  }, 300_000);

  test('in a field of its own, under a hostile name, does neither', async () => {
    const names = [
      '',
      'x\n\u001b[2J',
      '__proto__',
      'p:__proto__',
      'h:x',
      '!x',
      Buffer.from('fffe', 'hex'),
      'y'.repeat(5_000),
    ];
    const found: string[] = [];
    for (const [turn, field] of names.entries()) {
      const some = GARBAGE.filter((_, index) => index % 4 === 1);
      for (const bytes of thinned(some, turn)) {
        await restore();
        await redis.hset(keys[name], field as never, bytes);
        found.push(...(await complaints(`${JSON.stringify(field.slice(0, 20))} = ${bytes.toString('hex')}`, isNamed)));
      }
    }
    expect(found).toEqual([]);
  }, 300_000);
});

describe('something else in due', () => {
  test('be it another time, another row, or nothing, does neither, and what is dirty is claimed all the same', async () => {
    const found: string[] = [];
    for (const score of ['-inf', 'inf', '0', '-5', '5', '1e300', '999999999999', '1e12']) {
      for (const member of [INNOCENT, BOTH, '', 'x\n', Buffer.from('ff', 'hex')]) {
        await restore();
        await redis.zadd(keys.due, score, member as never);
        found.push(...(await complaints(`${String(member)} at ${score}`, isNamed)));
      }
    }
    await restore();
    await redis.del(keys.due);
    expect(await store.due.next()).toEqual([0]);
    await store.acknowledge(0, 'T3', new Map(), []);
    const claim = await store.claim(0, { token: 'T4', predecessor: 'T3', limit: 99 });
    expect(claim.status === 'batch' && [...claim.batch.records.keys()]).toContain(INNOCENT);
    await restore();
    await redis.del(keys.due);
    expect((await store.due.make({ kind: 'all' })).size).toBe(1);
    expect(found).toEqual([]);
  }, 300_000);
});

test('a key of another type than it should be is named by the server, and the store goes on with what it can', async () => {
  const isOfRedis = (error: unknown): boolean =>
    isNamed(error) ||
    (error instanceof Error && error.message.startsWith('Redis at ') && error.message.includes('WRONGTYPE'));
  const found: string[] = [];
  for (const name of NAMES) {
    await restore();
    await redis.set(keys[name], 'x');
    // An acknowledgement that meets such a key in the middle is another matter.
    found.push(...(await complaints(name, isOfRedis, ['dirty', 'dead', 'recent:old'].includes(name))));
  }
  expect(found).toEqual([]);
}, 120_000);
