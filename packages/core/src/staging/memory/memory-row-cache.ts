import type { BatchOutcome, Outcome } from '../../change/outcome.js';
import { encodeRecord } from '../../change/record-codec.js';
import type { StagedRecord } from '../../change/record.js';
import { type RowKey, shardOf, type TableName, tableText } from '../../change/row-key.js';
import type { Pending } from '../look-side.js';
import {
  type Blocked,
  type BlockScope,
  type CacheAnswer,
  type CacheCopy,
  COPY_OVERHEAD_BYTES,
  MOST_CARRIED,
  type RowCache,
  TICKET_MS,
} from '../row-cache.js';
import type { FlightBatch } from './memory-shard.js';

interface Kept {
  readonly ticket?: string;
  readonly bytes?: Uint8Array;
  /** What was written of the row since it was read. */
  readonly carried?: readonly StagedRecord[];
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
    const behind = (kept.carried ?? []).reduce((sum, record) => sum + encodeRecord(record).byteLength, 0);
    const size = rowKey.length + (kept.bytes?.byteLength ?? 0) + behind + COPY_OVERHEAD_BYTES;
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

  /** The end of a batch: its rows lose copy and ticket, or the copy keeps what was written. */
  end(flight: FlightBatch, outcomes: BatchOutcome): void {
    for (const [rowKey, record] of flight.records) {
      const kept = this.#young.get(rowKey) ?? this.#old.get(rowKey);
      this.drop(rowKey);
      const written = flight.parts.length === 0 ? asWritten(record, outcomes.get(rowKey)) : undefined;
      if (written === undefined) continue;
      const carried = [...(kept?.carried ?? []), written];
      if (kept?.bytes && carried.length <= MOST_CARRIED) this.keep(rowKey, { ...kept, carried });
    }
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/**
 * The record as it was written over the row. Where it had no version, PostgreSQL has given the row one, and the outcome
 * tells it. `undefined`: something else was written.
 */
function asWritten(record: StagedRecord, outcome: Outcome | undefined): StagedRecord | undefined {
  const { kind, missing, doubtful } = record;
  if ((kind !== 'update' && kind !== 'increment') || missing !== undefined || doubtful) return undefined;
  if (outcome === undefined || outcome.kind === 'applied') return record;
  return outcome.kind === 'version' && isUnseenUpdate(record) ? { ...record, version: outcome.version } : undefined;
}

/** True for an update that compares nothing: nobody had loaded the row. It cannot have met a conflict. */
function isUnseenUpdate({ kind, base, version, originals }: StagedRecord): boolean {
  return kind === 'update' && base === undefined && version === undefined && Object.keys(originals).length === 0;
}

/** The cache of the staging store in memory. */
export class MemoryRowCache implements RowCache {
  readonly #shards: number;
  readonly #copies: (shard: number) => MemoryCopies;
  readonly #peek: (rowKey: RowKey) => Pending | undefined;
  readonly #now: () => number;
  #tickets = 0;

  constructor(
    shards: number,
    copies: (shard: number) => MemoryCopies,
    peek: (rowKey: RowKey) => Pending | undefined,
    now: () => number,
  ) {
    this.#shards = shards;
    this.#copies = copies;
    this.#peek = peek;
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
      if (cache.get(rowKey, stamp, this.#now())?.ticket !== ticket) return false;
      const isVoid = isUnsettled(this.#peek(rowKey)) || this.#blocked(cache, field, rowKey) !== undefined;
      if (bytes === undefined || isVoid) cache.drop(rowKey);
      return bytes !== undefined && !isVoid && cache.keep(rowKey, { bytes, untilMs: this.#now() + ttlMs, stamp });
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

  async drop(keys: readonly RowKey[]): Promise<void> {
    for (const key of keys) this.#of(key).drop(key);
  }

  async clear(): Promise<void> {
    for (let shard = 0; shard < this.#shards; shard += 1) this.#copies(shard).clear();
  }

  #look(field: string, rowKey: RowKey, ticket: string): CacheAnswer | undefined {
    const cache = this.#of(rowKey);
    const blocked = this.#blocked(cache, field, rowKey);
    if (blocked) return blocked;
    const pending = this.#peek(rowKey);
    // The transaction that holds the row may have committed already.
    if (pending?.held) return { kind: 'pending' };
    const stamp = cache.stamps.get(field) ?? 0;
    const kept = cache.get(rowKey, stamp, this.#now());
    if (kept?.bytes) {
      const { bytes, carried = [] } = kept;
      return { kind: 'copy', bytes, carried, ...(pending && { pending }) };
    }
    if (pending?.inFlight) return { kind: 'pending' };
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

  #of(rowKey: RowKey): MemoryCopies {
    return this.#copies(shardOf(rowKey, this.#shards));
  }
}

/** True if a row that was read may not be the row without what is pending. */
function isUnsettled(pending: Pending | undefined): boolean {
  return pending?.inFlight !== undefined || pending?.held !== undefined;
}
