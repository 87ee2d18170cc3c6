import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import type { BatchOutcome } from '../../src/change/outcome.js';
import { type RowKey, rowKeyOf, shardOf } from '../../src/change/row-key.js';
import type { Batch } from '../../src/staging/flush-side.js';
import { shardKeys } from '../../src/staging/redis/keys.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisStaging } from '../../src/staging/redis/redis-staging.js';
import { again, AT_ONCE, rejected } from '../../src/testing/contract/bench.js';
import { stageOne } from '../../src/testing/contract/one-unit.js';

/**
 * One script ends the batches of several shards. Here one shard has something of everything, and another one next to
 * nothing: what becomes of each must not depend on whether they are in one call, nor on their order in it.
 */

const [LADEN, BARE] = [0, 1] as const;
const TABLE = { schema: 'public', table: 'product' };
const rules = { Product: { ...AT_ONCE, policy: 'p' } };
const client = new Redis(sharedRedisUrl());

afterAll(() => client.disconnect());

/** The n-th row of a shard. */
function row(shard: number, number: number): RowKey {
  const rows = Array.from({ length: 60 }, (_, key) => rowKeyOf({ ...TABLE, key: [String(key)] }));
  return rows.filter((rowKey) => shardOf(rowKey, 2) === shard)[number] as RowKey;
}

const changeOf = (rowKey: RowKey, change: Partial<Change> = {}): Change => ({
  kind: 'update',
  entity: 'Product',
  rowKey,
  values: { name: '"new"' },
  deltas: {},
  originals: {},
  ...change,
});

const update = (rowKey: RowKey, base: string): Change =>
  changeOf(rowKey, { base, version: String(Number(base) + 1), values: { name: `"${base}"` } });
const increment = (rowKey: RowKey): Change => changeOf(rowKey, { kind: 'increment', values: {}, deltas: { n: '1' } });

const LATER = { ...again, delayMs: 60_000 } as typeof again;

/** What the ledger says of the batch in the laden shard: two rows come back, one is refused, the rest is applied. */
const OUTCOMES: BatchOutcome = new Map([
  [row(LADEN, 0), LATER],
  [row(LADEN, 9), LATER],
  [row(LADEN, 1), rejected],
]);

class Shards {
  readonly #namespace: string;
  readonly #store: RedisStaging;
  readonly #batches: Batch[] = [];
  #calls = 0;

  private constructor(namespace: string, store: RedisStaging) {
    this.#namespace = namespace;
    this.#store = store;
  }

  /** Both shards, each with a batch in flight. */
  static async prepare(): Promise<Shards> {
    const namespace = freshNamespace('one-call');
    const limits = { rememberRows: 2, keepLetters: 2 };
    const store = await openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 2, ...limits });
    const shards = new Shards(namespace, store);
    for (const shard of [LADEN, BARE]) await store.adopt(shard, 'T0');
    await shards.#load();
    for (const shard of [LADEN, BARE]) await shards.#copy(row(shard, 2));
    await shards.#takeOff();
    await shards.#disguise();
    return shards;
  }

  async end(shard: number): Promise<boolean> {
    const { token, records } = this.#batches[shard] as Batch;
    const rows = [...records.keys()];
    return this.#store.acknowledge(shard, token, shard === LADEN ? OUTCOMES : new Map(), rows, records);
  }

  /** Everything that is in the two shards, but for the times at which it came there. */
  async content(): Promise<readonly Readonly<Record<string, readonly string[]>>[]> {
    return Promise.all(
      [LADEN, BARE].map(async (shard) => {
        const keys = Object.entries(shardKeys(this.#namespace, shard));
        const found = await Promise.all(
          keys.map(async ([name, key]): Promise<[string, readonly string[]]> => [name, await contentOf(key)]),
        );
        return Object.fromEntries(found.filter(([, parts]) => parts.length > 0));
      }),
    );
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #stage(...changes: readonly Change[]): Promise<void> {
    this.#calls += 1;
    const answer = await stageOne(this.#store, { id: `call-${this.#calls}`, changes, rules });
    holdsTrue(answer.status === 'staged');
  }

  async #claim(shard: number, number: number): Promise<Batch> {
    const token = { token: `T${number}`, predecessor: `T${number - 1}` };
    const claim = await this.#store.claim(shard, { ...token, limit: 10 });
    if (claim.status !== 'batch') throw new Error(`Expected a batch, not ${claim.status}`);
    return claim.batch;
  }

  /** Letters, as many as are kept; void versions; two generations of remembered writes. */
  async #load(): Promise<void> {
    for (const number of [1, 2, 3, 4]) {
      const rowKey = row(LADEN, 2 + number);
      await this.#stage(update(rowKey, '1'));
      await this.#claim(LADEN, number);
      const outcomes: BatchOutcome = new Map(number > 1 ? [[rowKey, rejected]] : []);
      await this.#store.acknowledge(LADEN, `T${number}`, outcomes, [rowKey]);
    }
  }

  async #copy(rowKey: RowKey): Promise<void> {
    const answer = (await this.#store.cache.look(TABLE, [rowKey])).get(rowKey);
    const ticket = answer?.kind === 'ticket' ? answer.ticket : '';
    const kept = await this.#store.cache.keep(TABLE, [{ rowKey, ticket, bytes: Buffer.from('{}') }], 600_000);
    holdsTrue(kept === 1);
  }

  /** Batches of rows that drains have marked. Above that of the laden shard are a newer record, a hold and a part. */
  async #takeOff(): Promise<void> {
    const laden = [0, 1, 2].map((number) => row(LADEN, number));
    await this.#stage(
      ...laden.map((rowKey) => update(rowKey, '1')),
      increment(row(LADEN, 7)),
      increment(row(LADEN, 9)),
    );
    await this.#stage(update(row(BARE, 2), '1'), increment(row(BARE, 3)));
    await this.#store.due.make({ kind: 'all' });
    this.#batches.push(await this.#claim(LADEN, 5), await this.#claim(BARE, 1));
    await this.#stage(update(row(LADEN, 0), '2'), increment(row(LADEN, 7)));
    const part = { token: 'T5', attempts: 1, outcomes: new Map(), rows: [row(LADEN, 7)] };
    holdsTrue((await this.#store.extend(LADEN, part))?.added.size === 1);
    const hold = { shard: LADEN, id: 'hold', transaction: '7', standing: [], rules };
    const held = await this.#store.held.hold({ ...hold, changes: [update(row(LADEN, 1), '2')] });
    holdsTrue(held.status === 'staged');
  }

  /**
   * What shows if one shard is taken for the other. The bare one has a wrong count, which would be right if its records
   * were counted anew, as those of the laden shard are: one of these is damaged. The laden one has a copy of the row
   * whose copy goes on in the other.
   */
  async #disguise(): Promise<void> {
    const [laden, bare] = [shardKeys(this.#namespace, LADEN), shardKeys(this.#namespace, BARE)];
    await client.hset(laden.flight, row(LADEN, 8), 'damaged');
    await client.hincrby(bare.stats, 'p:Product', 40);
    const copy = await client.hgetBuffer(bare.cache, row(BARE, 2));
    if (copy) await client.hset(laden.cache, row(BARE, 2), copy);
  }
}

/** A step of the preparation has worked. */
function holdsTrue(isSo: boolean): void {
  if (!isSo) throw new Error('The shards are not as the test wants them');
}

async function contentOf(key: string): Promise<readonly string[]> {
  const isSorted = (await client.type(key)) === 'zset';
  const parts = isSorted
    ? await client.callBuffer('ZRANGE', key, '0', '-1', 'WITHSCORES')
    : await client.callBuffer('HGETALL', key);
  const texts = (parts as Buffer[]).map((part) => withoutTimes(part.toString('latin1')));
  return Array.from({ length: texts.length / 2 }, (_, at) => `${texts[2 * at]} ${texts[2 * at + 1]}`).toSorted();
}

/** Milliseconds since 1970, in decimal text or in MessagePack, which has no other numbers of 64 bits here. */
function withoutTimes(text: string): string {
  return text.replaceAll(/\b1[5-9]\d{11}(\.5)?\b/gu, '(time)$1').replaceAll(/[\xcb\xcf][\s\S]{8}/gu, '(time)');
}

async function contentAfter(
  end: (shards: Shards) => Promise<readonly boolean[]>,
): Promise<Awaited<ReturnType<Shards['content']>>> {
  const shards = await Shards.prepare();
  try {
    expect(await end(shards)).toEqual([true, true]);
    return await shards.content();
  } finally {
    await shards.close();
  }
}

const oneByOne = async (shards: Shards): Promise<readonly boolean[]> => [
  await shards.end(LADEN),
  await shards.end(BARE),
];

test.each([
  ['behind one that has everything', [LADEN, BARE]],
  ['before one that has everything', [BARE, LADEN]],
])('a shard that has nothing ends %s as if it were alone, and so does the other', async (_, order) => {
  const alone = await contentAfter(oneByOne);
  const together = async (shards: Shards): Promise<readonly boolean[]> =>
    Promise.all(order.map(async (shard) => shards.end(shard)));
  expect(await contentAfter(together)).toEqual(alone);

  const [laden, bare] = alone;
  expect(laden).toMatchObject({ 'recent:old': expect.anything(), held: [expect.anything()] });
  expect(laden?.['dead']).toHaveLength(2);
  expect(laden?.['chain']).toContain('voidAt (time)');
  expect(laden?.['chain']).toContain('putOff 1');
  expect(Object.keys(bare ?? {})).toEqual(['chain', 'seen', 'recent', 'stats', 'cache', 'cache:blocks']);
  expect(bare?.['chain']).toContain('voidAt 0');
  expect(bare?.['stats']).toContain('p:Product 40');
});
