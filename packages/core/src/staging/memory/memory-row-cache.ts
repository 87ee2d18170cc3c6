import { type RowKey, shardOf } from '../../change/row-key.js';
import { tableText, type TableName } from '../../change/table-name.js';
import {
  COPY_OVERHEAD_BYTES,
  TICKET_MS,
  type Blocked,
  type BlockScope,
  type CacheAnswer,
  type CacheCopy,
  type RowCache,
} from '../row-cache.js';
import type { MemoryShard } from './memory-shard.js';

interface Kept {
  readonly ticket?: string;
  readonly bytes?: Uint8Array;
  readonly untilMs: number;
  readonly stamp: number;
}

/** The copies of one shard, in two generations. When the younger is full, the older goes. */
export class MemoryCopies {
  readonly blocks: Map<string, Set<string>> = new Map();
  readonly stamps: Map<string, number> = new Map();
  readonly #generationBytes: number;
  #young = new Map<RowKey, Kept>();
  #old = new Map<RowKey, Kept>();
  #bytes = 0;

  constructor(bytes: number) {
    this.#generationBytes = Math.floor(bytes / 2);
  }

  get(rowKey: RowKey, stamp: number, nowMs: number): Kept | undefined {
    const kept = this.#young.get(rowKey) ?? this.#old.get(rowKey);
    return kept && kept.untilMs > nowMs && kept.stamp === stamp ? kept : undefined;
  }

  keep(rowKey: RowKey, kept: Kept): boolean {
    const size = rowKey.length + (kept.bytes?.byteLength ?? 0) + COPY_OVERHEAD_BYTES;
    if (size > this.#generationBytes) return false;
    if (this.#bytes + size > this.#generationBytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = 0;
    }
    this.#bytes += size;
    this.#old.delete(rowKey);
    this.#young.set(rowKey, kept);
    return true;
  }

  drop(rowKey: RowKey): void {
    this.#young.delete(rowKey);
    this.#old.delete(rowKey);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** The cache of the staging store in memory. */
export class MemoryRowCache implements RowCache {
  readonly #shards: number;
  readonly #copies: (shard: number) => MemoryCopies;
  readonly #shard: (shard: number) => MemoryShard | undefined;
  readonly #now: () => number;
  #tickets = 0;

  constructor(
    shards: number,
    copies: (shard: number) => MemoryCopies,
    shard: (shard: number) => MemoryShard | undefined,
    now: () => number,
  ) {
    this.#shards = shards;
    this.#copies = copies;
    this.#shard = shard;
    this.#now = now;
  }

  async look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>> {
    this.#tickets += 1;
    const ticket = String(this.#tickets);
    const found = new Map<RowKey, CacheAnswer>();
    for (const key of keys) {
      const answer = this.#look(tableText(table), key, ticket);
      if (answer) found.set(key, answer);
    }
    return found;
  }

  async keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number> {
    const field = tableText(table);
    return copies.filter(({ rowKey, ticket, bytes }) => {
      const cache = this.#of(rowKey);
      const stamp = cache.stamps.get(field) ?? 0;
      const isOpen = cache.get(rowKey, stamp, this.#now())?.ticket === ticket;
      if (!isOpen || this.#isPending(rowKey) || this.#blocked(cache, field, rowKey)) return false;
      if (bytes === undefined) cache.drop(rowKey);
      return bytes !== undefined && cache.keep(rowKey, { bytes, untilMs: this.#now() + ttlMs, stamp });
    }).length;
  }

  async block(scope: BlockScope, transaction: string): Promise<void> {
    this.#drop(scope);
    for (const [cache, field] of this.#fields(scope)) {
      cache.blocks.set(field, (cache.blocks.get(field) ?? new Set()).add(transaction));
    }
  }

  async unblock(scope: BlockScope, transaction: string): Promise<void> {
    const fields = this.#fields(scope);
    const isKnown = fields.some(([cache, field]) => cache.blocks.get(field)?.has(transaction));
    if (!isKnown) this.#drop(scope);
    for (const [cache, field] of fields) {
      const blockers = cache.blocks.get(field);
      blockers?.delete(transaction);
      if (blockers?.size === 0) cache.blocks.delete(field);
    }
  }

  async clear(): Promise<void> {
    for (let shard = 0; shard < this.#shards; shard += 1) this.#copies(shard).clear();
  }

  #look(field: string, rowKey: RowKey, ticket: string): CacheAnswer | undefined {
    if (this.#isPending(rowKey)) return { kind: 'pending' };
    const cache = this.#of(rowKey);
    const blocked = this.#blocked(cache, field, rowKey);
    if (blocked) return blocked;
    const stamp = cache.stamps.get(field) ?? 0;
    const kept = cache.get(rowKey, stamp, this.#now());
    if (kept?.bytes) return { kind: 'copy', bytes: kept.bytes };
    if (kept) return { kind: 'taken' };
    const isGiven = cache.keep(rowKey, { ticket, untilMs: this.#now() + TICKET_MS, stamp });
    return isGiven ? { kind: 'ticket', ticket } : undefined;
  }

  #drop({ table, keys }: BlockScope): void {
    const field = tableText(table);
    if (keys !== 'all') for (const key of keys) this.#of(key).drop(key);
    else
      for (let shard = 0; shard < this.#shards; shard += 1) {
        const { stamps } = this.#copies(shard);
        stamps.set(field, (stamps.get(field) ?? 0) + 1);
      }
  }

  #fields({ table, keys }: BlockScope): (readonly [cache: MemoryCopies, field: string])[] {
    if (keys !== 'all') return keys.map((key) => [this.#of(key), `row:${key}`]);
    return Array.from({ length: this.#shards }, (_, shard) => [this.#copies(shard), `table:${tableText(table)}`]);
  }

  #blocked(cache: MemoryCopies, field: string, rowKey: RowKey): Blocked | undefined {
    const ofTable = cache.blocks.get(`table:${field}`);
    const transactions = ofTable ?? cache.blocks.get(`row:${rowKey}`);
    return transactions && { kind: 'blocked', by: ofTable ? 'table' : 'row', transactions: [...transactions] };
  }

  #isPending(rowKey: RowKey): boolean {
    const shard = this.#shard(shardOf(rowKey, this.#shards));
    if (shard === undefined) return false;
    const { dirty, inFlight } = shard.row(rowKey);
    // A held change counts as pending: its transaction may have committed already.
    return dirty !== undefined || inFlight !== undefined || shard.layersOf(rowKey).length > 0;
  }

  #of(rowKey: RowKey): MemoryCopies {
    return this.#copies(shardOf(rowKey, this.#shards));
  }
}
