import { type RowKey, type TableName, tableText } from '../../change/row-key.js';
import type { BlockScope, CacheAnswer, CacheCopy, RowCache } from '../row-cache.js';
import { GatheredFills } from './gathered-fills.js';
import { GatheredLooks } from './gathered-looks.js';
import { inPartsOf, partsOf } from './parts-of.js';
import type { ShardScripts } from './shard-scripts.js';
import type { ServerLink } from './server-link.js';

const COPIES = ['cache', 'cache:old'] as const;

/** Copies of rows in two hashes per shard, beside the staged records. */
export class RedisRowCache implements RowCache {
  /** Most bytes of each of the two hashes of a shard. */
  readonly generationBytes: number;
  readonly #scripts: ShardScripts;
  readonly #connection: ServerLink;
  readonly #looks: GatheredLooks;
  readonly #fills: GatheredFills;

  /** @param bytes most bytes of one shard */
  constructor(scripts: ShardScripts, connection: ServerLink, bytes: number) {
    this.#scripts = scripts;
    this.#connection = connection;
    this.generationBytes = Math.floor(bytes / 2);
    this.#looks = new GatheredLooks(scripts, connection, this.generationBytes);
    this.#fills = new GatheredFills(scripts, this.generationBytes);
  }

  async look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>> {
    return this.#looks.look(table, keys);
  }

  async keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number> {
    const run = await this.#connection.serverRun();
    if (run === undefined) return 0;
    const byKey = new Map(copies.map((copy) => [copy.rowKey, copy]));
    return this.#fills.keep(run, table, [...byKey.values()], ttlMs);
  }

  async block(scope: BlockScope, transaction: string): Promise<void> {
    await this.#mark('cacheBlock', scope, transaction);
  }

  async unblock(scope: BlockScope, transaction: string): Promise<void> {
    await this.#mark('cacheUnblock', scope, transaction);
  }

  async drop(keys: readonly RowKey[]): Promise<void> {
    await this.#perShard(keys, async (shard, ofShard) => this.dropIn(shard, ofShard));
  }

  /** Drops copies of rows of one shard, and tickets for them. */
  async dropIn(shard: number, rows: readonly RowKey[]): Promise<void> {
    for (const part of partsOf(rows)) {
      // The older ones first, and again: an end of a batch in between carries an older copy on, into the younger ones,
      // which may become the older ones.
      for (const key of ['cache:old', 'cache', 'cache:old'] as const)
        await this.#scripts.command('HDEL', shard, key, part);
    }
  }

  async clear(): Promise<void> {
    // Both at once: a batch that ends in between would carry an older copy on.
    await this.#scripts.everyShard(async (shard) => this.#scripts.command('DEL', shard, COPIES));
  }

  async #mark(script: 'cacheBlock' | 'cacheUnblock', { table, keys }: BlockScope, transaction: string): Promise<void> {
    const mark = async (shard: number, ofShard: readonly RowKey[]): Promise<void> => {
      await this.#scripts.run(script, shard, [transaction, tableText(table), ...ofShard]);
    };
    if (keys === 'all') await this.#scripts.everyShard(async (shard) => mark(shard, []));
    else await this.#perShard(keys, mark);
  }

  async #perShard(
    keys: readonly RowKey[],
    act: (shard: number, ofShard: readonly RowKey[]) => Promise<void>,
  ): Promise<void> {
    await inPartsOf(keys, this.#scripts.shards, act);
  }
}
