import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { encodePlain } from '../../src/change/record-codec.js';
import { type RowKey, rowKeyOf } from '../../src/change/row-key.js';
import { type KeyName, shardKeys } from '../../src/staging/redis/keys.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { Change } from '../../src/change/change.js';
import type { Batch } from '../../src/staging/flush-side.js';
import type { StagingStore } from '../../src/staging/staging-store.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';
import { stageOne, type StageCall } from '../../src/testing/contract/one-unit.js';

export const PRODUCTS = { schema: 'public', table: 'product' };

export const row = (name: string): RowKey => rowKeyOf({ ...PRODUCTS, key: [name] });

export function call(id: string, ...changes: readonly Partial<Change>[]): StageCall {
  const whole = changes.map((change): Change => ({
    kind: 'update',
    entity: 'Product',
    rowKey: row('dirty'),
    values: {},
    deltas: {},
    originals: {},
    ...change,
  }));
  return { shard: 0, id, changes: whole, rules: { Product: { ...AT_ONCE, policy: 'p' } } };
}

/**
 * Bytes that are no record, no layers, no trace, no answer and no number; some of them are well-formed, and of the
 * right length.
 */
export const GARBAGE: Readonly<Record<string, Buffer>> = {
  'no MessagePack': Buffer.from('c1c1', 'hex'),
  'a text': encodePlain('text'),
  'a number': encodePlain(7),
  'an array of numbers': encodePlain([1, 2, 3]),
  'an array of the length of a record': encodePlain([1, ...Array.from({ length: 13 }, () => [7])]),
  'layers of nothing': encodePlain([['x', 'y', [1, ...Array.from({ length: 13 }, () => [7])]]]),
  nothing: Buffer.alloc(0),
};

export type Content = ReadonlyMap<string, readonly string[]>;

/** One shard with something in every hash, which can be brought back as it was, and damaged in single fields. */
export class DamagedRedis implements AsyncDisposable {
  readonly store: StagingStore;
  /** What is in flight, as it was claimed. */
  batch: Batch | undefined;
  letter: { readonly shard: number; readonly id: string } = { shard: 0, id: '1' };
  readonly #redis: Redis;
  readonly #keys: readonly string[];
  #dumps = new Map<string, Buffer>();

  private constructor(store: StagingStore, client: Redis, namespace: string) {
    this.store = store;
    this.#redis = client;
    this.#keys = Object.values(shardKeys(namespace, 0));
  }

  static async open(url: string = sharedRedisUrl()): Promise<DamagedRedis> {
    const namespace = freshNamespace('damaged');
    const store = await openRedisStaging({ redis: url, namespace, shards: 1, rememberRows: 2 });
    const damaged = new DamagedRedis(store, new Redis(url), namespace);
    await damaged.#fill();
    await damaged.#remember();
    return damaged;
  }

  /** Every field of every hash. */
  async fields(): Promise<readonly { readonly name: string; readonly key: string; readonly field: Buffer }[]> {
    const all = await Promise.all(
      this.#keys.map(async (key) => {
        const fields = key.endsWith(':due') ? [] : await this.#redis.hkeysBuffer(key);
        return fields.map((field) => ({ name: `${key.slice(key.indexOf('}:') + 2)} ${field.toString()}`, key, field }));
      }),
    );
    return all.flat();
  }

  /** Puts everything back as it was, and then damages one field. */
  async damage({ key, field }: { readonly key: string; readonly field: Buffer }, garbage: Buffer): Promise<void> {
    await this.restore();
    await this.#redis.hset(key, field, garbage);
  }

  /** The same with one field that the test names. */
  async damageField(key: KeyName, field: string | Buffer, garbage: Buffer): Promise<void> {
    await this.restore();
    await this.damageAlso(key, field, garbage);
  }

  /** One field more. */
  async damageAlso(key: KeyName, field: string | Buffer, garbage: Buffer): Promise<void> {
    await this.#redis.hset(this.#keyOf(key), field as never, garbage);
  }

  async bytesOf(key: KeyName, field: string): Promise<Buffer> {
    return (await this.#redis.hgetBuffer(this.#keyOf(key), field)) ?? Buffer.alloc(0);
  }

  names(): readonly KeyName[] {
    return Object.keys(shardKeys('', 0)) as KeyName[];
  }

  /** Puts everything back as it was, and then a text in the place of a whole key. */
  async displace(key: KeyName): Promise<void> {
    await this.restore();
    await this.#redis.set(this.#keyOf(key), 'text');
  }

  /** Whether the server takes no more memory. */
  async outOfMemory(isOut: boolean): Promise<void> {
    await this.#redis.config('SET', 'maxmemory', isOut ? '1mb' : '0');
  }

  async restore(): Promise<void> {
    const transaction = this.#redis.multi().del(...this.#keys);
    for (const [key, dump] of this.#dumps) transaction.restore(key, 0, dump);
    await transaction.exec();
  }

  /** Everything that is there, whatever its order. */
  async content(): Promise<Content> {
    const reads = this.#keys.map(async (key): Promise<[string, readonly string[]]> => {
      if ((await this.#redis.type(key)) === 'string') return [key, [String(await this.#redis.get(key))]];
      const isSorted = key.endsWith(':due');
      const found = isSorted
        ? ((await this.#redis.callBuffer('ZRANGE', key, '0', '-1', 'WITHSCORES')) as Buffer[])
        : await this.#pairs(key);
      return [key, isSorted ? found.map((part) => part.toString('latin1')) : found.map(String)];
    });
    return new Map(await Promise.all(reads));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    await this.#redis.del(...this.#keys);
    this.#redis.disconnect();
  }

  #keyOf(name: KeyName): string {
    return `${this.#keys[0]?.replace(/[^}]*$/u, '')}:${name}`;
  }

  async #pairs(key: string): Promise<string[]> {
    const all = (await this.#redis.callBuffer('HGETALL', key)) as Buffer[];
    const pairs: string[] = [];
    for (let index = 0; index < all.length; index += 2)
      pairs.push(`${all[index]?.toString('latin1')} ${all[index + 1]?.toString('latin1')}`);
    return pairs.toSorted();
  }

  async #remember(): Promise<void> {
    for (const key of this.#keys) {
      const dump = await this.#redis.dumpBuffer(key);
      if (dump) this.#dumps.set(key, dump);
    }
  }

  async #fill(): Promise<void> {
    const { store } = this;
    const look = (name: string): Promise<unknown> => store.cache.look(PRODUCTS, [row(name)]);
    await store.adopt(0, 'T0');
    await look('old');
    // Two generations of what is remembered, and two letters.
    for (const [index, name] of ['written', 'buried', 'flying', 'late'].entries()) {
      await stageOne(store, call(`first-${index}`, { rowKey: row(name), base: '1', version: '2', values: { a: '1' } }));
      const claim = await store.claim(0, { token: `T${index + 1}`, predecessor: `T${index}`, limit: 10 });
      const outcome = {
        kind: 'buried',
        code: 'X',
        reason: 'x',
        version: '5',
        rejected: false,
        counted: false,
      } as const;
      const isBuried = claim.status === 'batch' && (name === 'buried' || name === 'late');
      await store.acknowledge(0, `T${index + 1}`, new Map(isBuried ? [[row(name), outcome]] : []), []);
    }
    const [letter] = await store.deadLetters.list();
    if (letter) this.letter = letter;
    // In flight, one of them with a part that was added; above them what is dirty.
    const changes = ['flying', 'again', 'overruled'].map((name) => ({
      rowKey: row(name),
      version: '6',
      values: { a: '2' },
    }));
    await stageOne(
      store,
      call('second', ...changes, { kind: 'increment', rowKey: row('counted'), deltas: { stock: '1' } }),
    );
    const claim = await store.claim(0, { token: 'T5', predecessor: 'T4', limit: 10 });
    if (claim.status === 'batch') this.batch = claim.batch;
    await stageOne(store, call('third', { kind: 'increment', rowKey: row('counted'), deltas: { stock: '2' } }));
    await store.extend(0, { token: 'T5', attempts: 1, outcomes: new Map(), rows: [row('counted')] });
    const above = ['again', 'overruled'].map((name) => ({
      rowKey: row(name),
      base: '6',
      version: '7',
      values: { a: '3' },
    }));
    await stageOne(
      store,
      call('fourth', ...above, { rowKey: row('dirty'), base: '1', version: '2', values: { a: '4' } }),
    );
    await stageOne(store, call('fifth', { kind: 'increment', rowKey: row('tallied'), deltas: { stock: '1' } }));
    const held = [
      { rowKey: row('held'), base: '1', version: '2', values: { a: '5' } },
      { kind: 'increment', rowKey: row('tallied'), deltas: { stock: '1' } } as const,
      { kind: 'increment', rowKey: row('counted'), deltas: { stock: '1' } } as const,
    ];
    await store.held.hold({ ...call('hold', ...held), transaction: '7', standing: [] });
    // Copies, a ticket, and blocks.
    const found = await store.cache.look(PRODUCTS, [row('copied'), row('asked')]);
    const ticketOf = (name: string): string => {
      const answer = found.get(row(name));
      return answer?.kind === 'ticket' ? answer.ticket : '';
    };
    const copy = { rowKey: row('copied'), ticket: ticketOf('copied'), bytes: Buffer.from('copy') };
    await store.cache.keep(PRODUCTS, [copy], 60_000);
    await store.cache.block({ table: PRODUCTS, keys: [row('blocked')] }, '101');
    await store.cache.block({ table: { ...PRODUCTS, table: 'order' }, keys: 'all' }, '102');
  }
}
