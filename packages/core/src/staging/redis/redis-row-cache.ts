import { randomBytes } from 'node:crypto';
import type { RowKey } from '../../change/row-key.js';
import { tableText, type TableName } from '../../change/table-name.js';
import { TICKET_MS } from '../row-cache.js';
import type { BlockScope, CacheAnswer, CacheCopy, RowCache } from '../row-cache.js';
import type { RedisConnection } from './connection.js';
import { inPartsOf, partsOf } from './parts-of.js';
import { plainOr, text, type Reply } from './replies.js';
import type { ShardScripts } from './shard-scripts.js';

const COPIES = ['cache', 'cache:old'] as const;

/** Copies of rows in two hashes per shard, beside the staged records. */
export class RedisRowCache implements RowCache {
  readonly #scripts: ShardScripts;
  readonly #connection: RedisConnection;
  readonly #generationBytes: number;
  readonly #tickets = randomBytes(9).toString('base64url');
  #looks = 0;

  /** @param bytes most bytes of one shard */
  constructor(scripts: ShardScripts, connection: RedisConnection, bytes: number) {
    this.#scripts = scripts;
    this.#connection = connection;
    this.#generationBytes = Math.floor(bytes / 2);
  }

  async look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>> {
    const found = new Map<RowKey, CacheAnswer>();
    const run = await this.#connection.serverRun();
    // If the server does not tell its run, it may have fallen back unnoticed.
    if (run === undefined) return found;
    this.#looks += 1;
    const ticket = this.#tickets + this.#looks.toString(36);
    await this.#perShard(keys, async (shard, ofShard) => {
      const limits = [TICKET_MS, this.#generationBytes];
      const reply = await this.#scripts.run('cacheLook', shard, [run, tableText(table), ticket, ...limits, ...ofShard]);
      ofShard.forEach((key, index) => {
        const answer = answerIn(reply, 1 + 2 * index, ticket);
        if (answer) found.set(key, answer);
      });
    });
    return found;
  }

  async keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number> {
    const run = await this.#connection.serverRun();
    if (run === undefined) return 0;
    const byKey = new Map(copies.map((copy) => [copy.rowKey, copy]));
    let filled = 0;
    await this.#perShard([...byKey.keys()], async (shard, ofShard) => {
      const rows = ofShard.flatMap((key) => {
        const copy = byKey.get(key);
        return copy ? [key, copy.ticket, copy.bytes ? asBuffer(copy.bytes) : ''] : [];
      });
      const limits = [ttlMs, this.#generationBytes];
      const reply = await this.#scripts.run('cacheFill', shard, [run, tableText(table), ...limits, ...rows]);
      filled += Number(reply[1]);
    });
    return filled;
  }

  async block(scope: BlockScope, transaction: string): Promise<void> {
    await this.#mark('cacheBlock', scope, transaction);
  }

  async unblock(scope: BlockScope, transaction: string): Promise<void> {
    await this.#mark('cacheUnblock', scope, transaction);
  }

  /** Drops copies of rows of one shard, and tickets for them. */
  async drop(shard: number, rows: readonly RowKey[]): Promise<void> {
    for (const part of partsOf(rows)) {
      await Promise.all(COPIES.map(async (key) => this.#scripts.command('HDEL', shard, key, part)));
    }
  }

  async clear(): Promise<void> {
    await this.#scripts.everyShard(async (shard) => {
      for (const key of COPIES) await this.#scripts.command('DEL', shard, key);
    });
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

function answerIn(reply: Reply, at: number, ticket: string): CacheAnswer | undefined {
  const kind = text(reply[at]);
  const bytes = reply[at + 1] as Buffer;
  if (kind === 'copy') return { kind, bytes };
  if (kind === 'ticket') return { kind, ticket };
  if (kind === 'blocked row' || kind === 'blocked table') {
    const by = kind === 'blocked row' ? 'row' : 'table';
    const transactions = writersIn(bytes);
    return transactions && { kind: 'blocked', by, transactions };
  }
  return kind === 'taken' || kind === 'pending' ? { kind } : undefined;
}

/** `undefined`: another value stands there. Then the row has no copy, and gets none. */
function writersIn(bytes: Buffer): readonly string[] | undefined {
  const writers = plainOr(bytes, undefined);
  return Array.isArray(writers) && writers.every((writer) => typeof writer === 'string') ? writers : undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
