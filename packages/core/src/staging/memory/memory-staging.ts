import type { BatchOutcome } from '../../change/outcome.js';
import type { StagedRecord } from '../../change/record.js';
import { type RowKey, shardOf } from '../../change/row-key.js';
import { leavingShards } from '../leave-shards.js';
import type { Tier } from '../../policy/durability.js';
import type { RowCache } from '../row-cache.js';
import { DEFAULT_LIMITS, remembersCallsMs, type StagingLimits } from '../limits.js';
import type { GroupAnswer, HeldChanges, StagedPolicies, StageGroup, StageUnit, UnitAnswer } from '../stage-side.js';
import type { Batch, Claim, ClaimRequest, Extension, ExtendRequest, EmptyReport, ParkReport } from '../flush-side.js';
import type {
  ChainSeen,
  DueRecords,
  DueScope,
  DrainState,
  Watermark,
  EmptyScope,
  Pending,
  Settlement,
  StagedMark,
} from '../look-side.js';
import type { DeadLetterStore } from '../dead-letter-store.js';
import type { ShardDepth } from '../shard-depth.js';
import type { StagingStats, StagingStore } from '../staging-store.js';
import { addPart, inFlightOf, lastParts, smallerMark, takeBackUncovered } from './batch-parts.js';
import { parkAll, settleBatch } from './end-batch.js';
import { MemoryDeadLetters } from './memory-dead-letters.js';
import { MemoryHeld } from './memory-held.js';
import { emptyShard } from './empty-shard.js';
import {
  depthOf,
  drainState,
  dueRows,
  firstAtMs,
  holdsAny,
  markDue,
  markedRows,
  nextDueMs,
  pendingRows,
  scopeFilter,
} from './memory-due.js';
import { leaveIn } from './memory-policies.js';
import { MemoryCopies, MemoryRowCache } from './memory-row-cache.js';
import { MemoryShard, NOTHING_WRITTEN } from './memory-shard.js';
import { judgeUnit } from './judge-unit.js';
import { Remembered } from './remembered.js';
import { refuseTier } from './refuse-tier.js';
import { settlementOf } from './settlement-of.js';

export interface MemoryStagingOptions extends Partial<StagingLimits> {
  /** @defaultValue 64 */
  readonly shards?: number;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => number;
}

/** Staging without Redis: for tests, simulations, and single processes that may lose pending changes. */
export function memoryStaging(options: MemoryStagingOptions = {}): StagingStore {
  return new MemoryStaging(options);
}

/** Of a shard that is not adopted. */
const UNKNOWN: Watermark = { sequence: 0, putOff: 0 };

class MemoryStaging implements StagingStore {
  readonly shards: number;
  readonly remembersCallsMs: number;
  readonly held: HeldChanges;
  readonly due: DueRecords;
  readonly policies: StagedPolicies;
  readonly deadLetters: DeadLetterStore;
  readonly cache: RowCache;
  readonly #shards = new Map<number, MemoryShard>();
  readonly #copies = new Map<number, MemoryCopies>();
  readonly #limits: StagingLimits;
  readonly #now: () => number;
  readonly #letters: MemoryDeadLetters;
  readonly #remembered: Remembered;

  constructor(options: MemoryStagingOptions) {
    this.shards = options.shards ?? 64;
    this.#limits = { ...DEFAULT_LIMITS, ...options };
    this.remembersCallsMs = remembersCallsMs(this.#limits);
    this.#now = options.now ?? Date.now;
    this.policies = leavingShards(async (act, entities, quietMs) =>
      [...this.#shards.values()].map((shard) =>
        entities.map((entity) => leaveIn(shard, act, entity, this.#now() - quietMs)),
      ),
    );
    this.cache = new MemoryRowCache(
      this.shards,
      (shard) => this.#copiesOf(shard),
      (rowKey) => this.#peek(rowKey),
      this.#now,
    );
    this.#letters = new MemoryDeadLetters(this.#shards, this.#now);
    this.deadLetters = this.#letters;
    this.#remembered = new Remembered(this.#limits, this.#now);
    this.held = new MemoryHeld(
      this.#shards,
      this.#remembered,
      this.#now,
      (shard) => this.#letters.trimShard(shard),
      (rowKey) => this.#copiesOf(shardOf(rowKey, this.shards)).drop(rowKey),
    );
    this.due = {
      next: async () => Array.from({ length: this.shards }, (_, shard) => this.#next(shard)),
      any: async (scope) => [...this.#shards.values()].some((shard) => shard.layers.size > 0 || holdsAny(shard, scope)),
      make: async (scope, onHeld) => this.#makeDue(scope, onHeld),
      endPauses: async () => {
        for (const shard of this.#shards.values()) markDue(shard, { kind: 'all' }, this.#now(), 'anyhow');
      },
      pending: async (watermarks) => this.#pending(watermarks),
      rows: async (scope, shards, which) =>
        [...shards].flatMap((number) => {
          const shard = this.#shards.get(number);
          return shard ? (which === 'pending' ? pendingRows : markedRows)(shard, scope) : [];
        }),
    };
  }

  async adopt(shard: number, lastToken: string): Promise<'adopted' | 'present'> {
    if (this.#shards.has(shard)) return 'present';
    this.#copiesOf(shard).clear();
    this.#shards.set(shard, new MemoryShard(shard, lastToken, this.#limits, this.#now()));
    return 'adopted';
  }

  /** All shards are in this process. */
  serverOf(): number {
    return 0;
  }

  async check(unit: StageUnit, rules: StageGroup['rules'], tier?: Tier): Promise<UnitAnswer> {
    refuseTier(tier);
    return judgeUnit(this.#shards, this.shards, unit, rules, this.#now()).answer;
  }

  async stage(group: StageGroup): Promise<GroupAnswer> {
    refuseTier(group.tier);
    const lowest = this.#lowestShard(group);
    const seen = this.#remembered.get(lowest, group.id);
    if (seen !== undefined) return seen;
    this.#remembered.age(lowest);
    const nowMs = this.#now();
    const answer: GroupAnswer = {
      status: 'judged',
      units: group.units.map((unit) => {
        const judged = judgeUnit(this.#shards, this.shards, unit, group.rules, nowMs);
        judged.write();
        return judged.answer;
      }),
    };
    this.#remembered.set(lowest, group.id, answer);
    return answer;
  }

  async fence(group: StageGroup): Promise<GroupAnswer> {
    const lowest = this.#lowestShard(group);
    const seen = this.#remembered.get(lowest, group.id);
    if (seen !== undefined) return seen;
    this.#remembered.set(lowest, group.id, { status: 'voided' });
    return { status: 'voided' };
  }

  async peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>> {
    const found = new Map<RowKey, Pending>();
    for (const rowKey of keys) {
      const pending = this.#peek(rowKey);
      if (pending !== undefined) found.set(rowKey, pending);
    }
    return found;
  }

  async settled(marks: readonly StagedMark[]): Promise<readonly Settlement[]> {
    return marks.map((mark) => {
      const shard = this.#shards.get(shardOf(mark.rowKey, this.shards));
      return shard === undefined ? { status: 'lost' } : settlementOf(shard, mark);
    });
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    for (const rowKey of keys) this.#shards.get(shardOf(rowKey, this.shards))?.recent.delete(rowKey);
  }

  async chain(shardNumber: number): Promise<ChainSeen | undefined> {
    const shard = this.#shards.get(shardNumber);
    return shard && { inFlight: shard.flight?.token ?? '', last: shard.last };
  }

  async claim(shardNumber: number, request: ClaimRequest): Promise<Claim> {
    const shard = this.#shards.get(shardNumber);
    if (shard === undefined) return { status: 'uninitialised' };
    if (shard.flight === undefined) {
      if (shard.last !== request.predecessor) return { status: 'broken', seen: { inFlight: '', last: shard.last } };
      this.#takeOff(shard, request);
    }
    const { flight } = shard;
    if (flight === undefined) return { status: 'nothing' };
    if (request.isAhead === true && flight.token !== request.token) return { status: 'nothing' };
    flight.attempts += 1;
    const { token, predecessor, attempts } = flight;
    const batch: Batch = {
      shard: shardNumber,
      token,
      predecessor,
      attempts,
      claimedAtMs: this.#now(),
      records: new Map(flight.records),
      unreadable: new Map(),
      added: lastParts(flight),
    };
    return { status: 'batch', batch };
  }

  async isAsClaimed(shardNumber: number, { token, attempts, records }: Batch): Promise<boolean> {
    const flight = this.#shards.get(shardNumber)?.flight;
    return flight?.token === token && flight.attempts === attempts && flight.records.size === records.size;
  }

  async extend(shardNumber: number, request: ExtendRequest): Promise<Extension | undefined> {
    const shard = this.#shards.get(shardNumber);
    const { flight } = shard ?? {};
    if (!shard || flight?.token !== request.token || flight.attempts !== request.attempts) return undefined;
    if (takeBackUncovered(shard, flight, request.outcomes, this.#now())) shard.tellDrains(flight.mark);
    const extension = addPart(shard, flight, request.rows);
    this.#letters.trimShard(shard);
    return extension;
  }

  async acknowledge(
    shardNumber: number,
    token: string,
    outcomes: BatchOutcome,
    rows: readonly RowKey[],
  ): Promise<boolean> {
    const shard = this.#shards.get(shardNumber);
    if (shard?.flight?.token !== token) {
      for (const rowKey of rows) this.#copiesOf(shardNumber).drop(rowKey);
      return false;
    }
    const nowMs = this.#now();
    shard.forget(nowMs);
    this.#copiesOf(shardNumber).end(shard.flight, outcomes);
    settleBatch(shard, token, outcomes, nowMs);
    this.#letters.trimShard(shard);
    return true;
  }

  async park(
    shardNumber: number,
    seen: ChainSeen,
    lastToken: string,
    onLoss: 'park' | 'apply',
  ): Promise<ParkReport | 'moved'> {
    const shard = this.#shards.get(shardNumber);
    if (shard === undefined || (shard.flight?.token ?? '') !== seen.inFlight) return 'moved';
    if (seen.inFlight === '' && shard.last !== seen.last) return 'moved';
    this.#copiesOf(shardNumber).clear();
    const report = parkAll(shard, lastToken, onLoss, this.#now());
    this.#letters.trimShard(shard);
    return report;
  }

  async empty(shardNumber: number, scope: EmptyScope, lastToken: string): Promise<EmptyReport> {
    const shard = this.#shards.get(shardNumber);
    this.#copiesOf(shardNumber).clear();
    if (shard === undefined) return { records: 0, dead: 0 };
    const report = emptyShard(shard, scopeFilter(scope), lastToken);
    if (scope.kind === 'all') this.#shards.delete(shardNumber);
    return report;
  }

  /** There is always room. */
  async probe(): Promise<readonly never[]> {
    return [];
  }

  async stats(): Promise<StagingStats> {
    const pending: Record<string, number> = {};
    const totals = { inFlight: 0, dead: 0, deadDropped: 0, staged: 0, coalesced: 0, annihilated: 0, held: 0 };
    for (const shard of this.#shards.values()) {
      for (const [entity, count] of shard.pending) if (count > 0) pending[entity] = (pending[entity] ?? 0) + count;
      totals.inFlight += shard.flight?.records.size ?? 0;
      totals.dead += shard.dead.size;
      totals.deadDropped += shard.lettersDropped;
      totals.held += [...shard.layers.values()].flat().length;
      totals.staged += shard.sequence;
      totals.coalesced += shard.coalesced;
      totals.annihilated += shard.annihilated;
    }
    const nowMs = this.#now();
    const ages = [...this.#shards.values()].flatMap((shard) =>
      firstAtMs(shard).map((atMs) => Math.max(0, nowMs - atMs)),
    );
    return {
      pending,
      ...totals,
      ...(ages.length > 0 && { oldestMs: ages.reduce((oldest, age) => Math.max(oldest, age)) }),
    };
  }

  async depths(): Promise<readonly ShardDepth[]> {
    const shards = [...this.#shards.values()].toSorted((one, other) => one.shard - other.shard);
    return shards.map((shard) => depthOf(shard, this.#now()));
  }

  async close(): Promise<void> {}

  #lowestShard({ units }: StageGroup): number {
    const shards = units.flatMap(({ changes }) => changes.map(({ rowKey }) => shardOf(rowKey, this.shards)));
    return shards.reduce((lowest, shard) => Math.min(lowest, shard), this.shards);
  }

  #copiesOf(shard: number): MemoryCopies {
    let copies = this.#copies.get(shard);
    if (copies === undefined) {
      copies = new MemoryCopies(this.#limits.cacheBytes);
      this.#copies.set(shard, copies);
    }
    return copies;
  }

  #takeOff(shard: MemoryShard, request: ClaimRequest): void {
    const records = new Map<RowKey, StagedRecord>();
    let mark: number | undefined;
    for (const rowKey of request.rows ?? dueRows(shard, this.#now(), request.limit)) {
      const record = shard.dirty.get(rowKey);
      if (record === undefined) continue;
      mark = smallerMark(mark, shard.due.get(rowKey)?.mark);
      records.set(rowKey, record);
      shard.dropDirty(rowKey);
      shard.count(record.entity, 1);
    }
    if (records.size > 0)
      shard.flight = { token: request.token, predecessor: request.predecessor, records, attempts: 0, mark, parts: [] };
  }

  #peek(rowKey: RowKey): Pending | undefined {
    const shard = this.#shards.get(shardOf(rowKey, this.shards));
    if (shard === undefined) return undefined;
    const { dirty, inFlight, recent } = shard.row(rowKey);
    const held = shard.layersOf(rowKey);
    const { sequence, void: _, ...written } = recent ?? { sequence: NOTHING_WRITTEN, deleted: false };
    const isWritten = sequence > NOTHING_WRITTEN;
    if (dirty === undefined && inFlight === undefined && !isWritten && held.length === 0) return undefined;
    return {
      ...(dirty === undefined ? {} : { dirty }),
      ...(shard.flight && inFlight ? { inFlight: inFlightOf(shard.flight, rowKey, inFlight) } : {}),
      ...(isWritten && { recent: written }),
      ...(held.length > 0 && { held }),
    };
  }

  #next(shardNumber: number): number | undefined {
    const shard = this.#shards.get(shardNumber);
    return shard && nextDueMs(shard, this.#now());
  }

  #makeDue(scope: DueScope, onHeld?: () => void): ReadonlyMap<number, Watermark> {
    const watermarks = new Map<number, Watermark>();
    for (let number = 0; number < this.shards; number += 1) {
      const shard = this.#shards.get(number);
      if (shard && shard.layers.size > 0) onHeld?.();
      const unknown = scope.kind === 'rows' ? undefined : UNKNOWN;
      const watermark = shard ? markDue(shard, scope, this.#now()) : unknown;
      if (watermark !== undefined) watermarks.set(number, watermark);
    }
    return watermarks;
  }

  #pending(watermarks: ReadonlyMap<number, Watermark>): ReadonlyMap<number, DrainState> {
    const pending = new Map<number, DrainState>();
    for (const [shardNumber, watermark] of watermarks) {
      const shard = this.#shards.get(shardNumber);
      const state = shard && drainState(shard, watermark);
      if (state !== undefined) pending.set(shardNumber, state);
    }
    return pending;
  }
}
