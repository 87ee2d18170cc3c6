import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { type RowKey, rowKeyOf, shardOf } from '../../src/change/row-key.js';
import { RedisConnection } from '../../src/staging/redis/connection.js';
import { type KeyName, shardKeys } from '../../src/staging/redis/keys.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { Batch, Claim } from '../../src/staging/flush-side.js';
import type { RedisStaging } from '../../src/staging/redis/redis-staging.js';
import { LATER } from '../../src/testing/contract/bench.js';
import { stageOne } from '../../src/testing/contract/one-unit.js';

/** One script does an act for one shard after the other: what one of them holds is not the trouble of the others. */

const SHARDS = 3;
const rules = { Product: { ...LATER, maxPending: 10_000 } };
const client = new Redis(sharedRedisUrl());
let namespace: string;
let store: RedisStaging;
/** The names of the scripts that were sent, each with the number of its shards. */
let sent: string[];

const run: RedisConnection['run'] = Reflect.get(RedisConnection.prototype, 'run');

beforeEach(async () => {
  namespace = freshNamespace('shards');
  store = await openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: SHARDS });
  for (let shard = 0; shard < SHARDS; shard += 1) await store.adopt(shard, 'T0');
  sent = [];
  RedisConnection.prototype.run = async function counted(script, keys, args) {
    sent.push(`${script.name} ${keys.length / script.keys.length}`);
    return run.call(this, script, keys, args);
  };
  return async () => {
    RedisConnection.prototype.run = run;
    await store.close();
  };
});

afterAll(() => client.disconnect());

/** The first rows of a shard. */
function rowsOf(shard: number, count = 1): readonly RowKey[] {
  const rows: RowKey[] = [];
  for (let key = 0; rows.length < count; key += 1) {
    const rowKey = rowKeyOf({ schema: 'public', table: 'product', key: [String(key)] });
    if (shardOf(rowKey, SHARDS) === shard) rows.push(rowKey);
  }
  return rows;
}

async function stage(rows: readonly RowKey[]): Promise<void> {
  const changes = rows.map((rowKey): Change => ({
    kind: 'increment',
    entity: 'Product',
    rowKey,
    values: {},
    deltas: { n: '1' },
    originals: {},
  }));
  for (let from = 0; from < rows.length; from += 500)
    await stageOne(store, { id: `${rows[0]} ${from}`, changes: changes.slice(from, from + 500), rules });
}

async function displace(shard: number, name: KeyName): Promise<void> {
  const key = shardKeys(namespace, shard)[name];
  await client.multi().del(key).set(key, 'text').exec();
}

const setField = async (shard: number, field: string, value: string): Promise<unknown> =>
  client.hset(shardKeys(namespace, shard).chain, field, value);

/** What goes wrong in shard 1, and how the store says it. */
type Trouble = readonly [name: string, make: () => Promise<unknown>, said: RegExp];
const TROUBLES: readonly Trouble[] = [
  ['a key of another type', async () => displace(1, 'chain'), /WRONGTYPE/u],
  ['another epoch', async () => setField(1, 'epoch', '2.other/3'), /shard map/u],
];

const NO_SEQUENCE: Trouble = ['a sequence that is no number', async () => setField(1, 'sequence', 'inf'), /:chain/u];

describe('making due', () => {
  test('is one call, and one that tells what is left of it', async () => {
    for (const shard of [0, 1, 2]) await stage(rowsOf(shard));
    sent = [];
    const watermarks = await store.due.make({ kind: 'rows', keys: [0, 1, 2].flatMap((shard) => rowsOf(shard)) });
    expect((await store.due.pending(watermarks)).size).toBe(3);
    expect(sent).toEqual(['due-make 3', 'due-pending 3']);
    sent = [];
    await store.due.make({ kind: 'all' });
    expect(sent).toEqual(['due-make 3']);
  });

  test.each([...TROUBLES, NO_SEQUENCE])(
    'fails for %s of one shard, and is done in the others',
    async (_, make, said) => {
      for (const shard of [0, 1, 2]) await stage(rowsOf(shard));
      await make();
      const keys = [0, 1, 2].flatMap((shard) => rowsOf(shard));
      await expect(store.due.make({ kind: 'rows', keys })).rejects.toThrow(said);
      const waits = await store.due.next();
      expect([waits[0], waits[2]]).toEqual([0, 0]);
    },
  );

  test('visits only so many rows in one call, and no shard is cut into more parts for that', async () => {
    for (const shard of [0, 1, 2]) await stage(rowsOf(shard, 900));
    sent = [];
    const watermarks = await store.due.make({ kind: 'all' });
    expect([...watermarks.keys()]).toEqual([0, 1, 2]);
    expect(sent).toEqual(['due-make 3', 'due-make 1']);
    for (const shard of [0, 1, 2]) {
      const claim = await store.claim(shard, { token: 'T1', predecessor: 'T0', limit: 1_000 });
      expect(claim.status === 'batch' && claim.batch.records.size).toBe(900);
    }
  });

  test('converts shards of the older layout, and no others', async () => {
    for (const shard of [0, 1, 2]) await stage(rowsOf(shard));
    await setField(1, 'epoch', '1/3');
    sent = [];
    expect((await store.due.make({ kind: 'rows', keys: [0, 1, 2].flatMap((shard) => rowsOf(shard)) })).size).toBe(3);
    expect(sent.filter((name) => name.startsWith('due-make'))).toEqual(['due-make 3', 'due-make 1']);
  });
});

describe('claiming', () => {
  const claim = async (shard: number): Promise<Claim> =>
    store.claim(shard, { token: 'T1', predecessor: 'T0', limit: 300 });
  const sizeOf = (each: Claim): number | undefined => (each.status === 'batch' ? each.batch.records.size : undefined);

  beforeEach(async () => {
    for (const shard of [0, 1, 2]) await stage(rowsOf(shard, 300));
    await store.due.make({ kind: 'all' });
    sent = [];
  });

  test('is one call, until it has handed out 500 records', async () => {
    const claims = await Promise.all([2, 1, 0].map(claim));
    expect(claims.map(sizeOf)).toEqual([300, 300, 300]);
    expect(sent).toEqual(['claim 3', 'claim 1']);
    sent = [];
    const batches = claims.flatMap((each) => (each.status === 'batch' ? [each.batch] : []));
    const same = await Promise.all(batches.map(async (batch) => store.isAsClaimed(batch.shard, batch)));
    expect(same).toEqual([true, true, true]);
    expect(sent).toEqual(['claimed 3']);
  });

  test('goes on in the next call where a batch in flight is handed out again', async () => {
    await Promise.all([0, 1, 2].map(claim));
    sent = [];
    expect((await Promise.all([0, 1, 2].map(claim))).map(sizeOf)).toEqual([300, 300, 300]);
    expect(sent).toEqual(['claim 3', 'claim 1']);
  });

  test.each(TROUBLES)('fails for %s of one shard alone', async (_, make, said) => {
    await make();
    const claims = await Promise.allSettled([0, 1, 2].map(claim));
    expect(claims.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(String(claims[1]?.status === 'rejected' && claims[1].reason)).toMatch(said);
    const batches = claims.flatMap((each) =>
      each.status === 'fulfilled' && each.value.status === 'batch' ? [each.value.batch] : [],
    );
    const asked = [...batches, { ...batches[0], shard: 1 } as Batch];
    const same = await Promise.allSettled(asked.map(async (batch) => store.isAsClaimed(batch.shard, batch)));
    expect(same).toMatchObject([{ value: true }, { value: true }, { status: 'rejected' }]);
  });
});

describe('acknowledging', () => {
  const claimAll = async (): Promise<readonly Batch[]> => {
    await store.due.make({ kind: 'all' });
    const claims = await Promise.all(
      [0, 1, 2].map(async (shard) => store.claim(shard, { token: 'T1', predecessor: 'T0', limit: 300 })),
    );
    sent = [];
    return claims.flatMap((each) => (each.status === 'batch' ? [each.batch] : []));
  };
  const end = async ({ shard, token, records }: Batch): Promise<boolean> =>
    store.acknowledge(shard, token, new Map(), [...records.keys()], records);

  test('is one call', async () => {
    for (const shard of [0, 1, 2]) await stage(rowsOf(shard, 100));
    expect(await Promise.all((await claimAll()).map(end))).toEqual([true, true, true]);
    expect(sent).toEqual(['acknowledge 3']);
    expect(await store.stats()).toMatchObject({ pending: {}, inFlight: 0 });
  });

  test('is a call for each 500 rows', async () => {
    for (const shard of [0, 1, 2]) await stage(rowsOf(shard, 250));
    expect(await Promise.all((await claimAll()).map(end))).toEqual([true, true, true]);
    expect(sent).toEqual(['acknowledge 2', 'acknowledge 1']);
  });

  test.each([
    ...TROUBLES,
    ['remembered writes of another type', async () => displace(1, 'recent'), /WRONGTYPE/u],
  ] as const)('fails for %s of one shard alone, and changes nothing there', async (_, make, said) => {
    for (const shard of [0, 1, 2]) await stage(rowsOf(shard));
    const batches = await claimAll();
    await make();
    const ends = await Promise.allSettled(batches.map(end));
    expect(ends).toMatchObject([{ value: true }, { status: 'rejected' }, { value: true }]);
    expect(String(ends[1]?.status === 'rejected' && ends[1].reason)).toMatch(said);
    expect(await client.hlen(shardKeys(namespace, 1).flight)).toBe(1);
    expect(await Promise.all([0, 2].map(async (shard) => store.chain(shard)))).toEqual([
      { inFlight: '', last: 'T1' },
      { inFlight: '', last: 'T1' },
    ]);
  });
});

test('what was asked before something else is sent before it', async () => {
  await stage(rowsOf(0));
  sent = [];
  const made = store.due.make({ kind: 'rows', keys: rowsOf(0) });
  const adopted = store.adopt(1, 'T0');
  await Promise.all([made, adopted]);
  expect(sent).toEqual(['due-make 1', 'adopt 1']);
});
