import { nextTick } from 'node:process';
import { shardOf, tableText, type TableName } from '../../change/row-key.js';
import type { CacheCopy } from '../row-cache.js';
import type { Argument } from './connection.js';
import { partsOf, ROWS_PER_CALL } from './parts-of.js';
import type { ShardScripts } from './shard-scripts.js';

/** Copies for one shard and one table that leave together. */
interface Filling {
  readonly run: string;
  readonly shard: number;
  readonly table: string;
  readonly ttlMs: number;
  readonly copies: CacheCopy[];
  readonly reply: PromiseWithResolvers<readonly boolean[]>;
}

/** Puts copies of rows into Redis. The rows that readers have loaded in one turn leave in one call, over all shards. */
export class GatheredFills {
  readonly #scripts: ShardScripts;
  readonly #generationBytes: number;
  #open = new Map<string, Filling>();

  constructor(scripts: ShardScripts, generationBytes: number) {
    this.#scripts = scripts;
    this.#generationBytes = generationBytes;
  }

  /**
   * @param run of the server
   * @returns how many of the copies were taken
   */
  async keep(run: string, table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number> {
    const byShard = Map.groupBy(copies, ({ rowKey }) => shardOf(rowKey, this.#scripts.shards));
    const taken = await Promise.all(
      [...byShard].map(async ([shard, ofShard]) => {
        const { copies: all, reply } = this.#fillingOf(run, shard, tableText(table), ttlMs);
        const from = all.length;
        for (const copy of ofShard) all.push(copy);
        return (await reply.promise).slice(from, from + ofShard.length).filter(Boolean).length;
      }),
    );
    return taken.reduce((all, each) => all + each, 0);
  }

  #fillingOf(run: string, shard: number, table: string, ttlMs: number): Filling {
    const name = `${shard} ${ttlMs} ${run} ${table}`;
    const open = this.#open.get(name);
    if (open) return open;
    if (this.#open.size === 0) nextTick(() => this.#leave());
    const filling = { run, shard, table, ttlMs, copies: [], reply: Promise.withResolvers<readonly boolean[]>() };
    // No caller need be waiting for it when it fails.
    filling.reply.promise.catch(() => undefined);
    this.#open.set(name, filling);
    return filling;
  }

  #leave(): void {
    const left = this.#open;
    this.#open = new Map();
    for (const filling of left.values()) this.#fill(filling).then(filling.reply.resolve, filling.reply.reject);
  }

  /** Answers for each copy whether it was taken. */
  async #fill({ run, shard, table, ttlMs, copies }: Filling): Promise<readonly boolean[]> {
    const shared = [run, this.#generationBytes];
    const taken = await Promise.all(
      partsOf(copies).map(async (part) => {
        const own: Argument[] = [table, ttlMs];
        for (const { rowKey, ticket, bytes } of part) own.push(rowKey, ticket, bytes ? asBuffer(bytes) : '');
        const share = part.length / ROWS_PER_CALL;
        const [, ...answers] = await this.#scripts.act('cacheFill', { shard, shared, own, share });
        return answers.map((answer) => Number(answer) === 1);
      }),
    );
    return taken.flat();
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
