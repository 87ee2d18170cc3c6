import type { RecentWrite, RowState } from '../../change/coalesce-change.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import type { StagingLimits } from '../limits.js';
import type { DeadLetter, StageAnswer } from '../staging-store.js';
import { Generations } from './generations.js';

/** When a dirty record is due. A drain marks it with its watermark; what is marked comes before what is not, the older mark first. */
export interface DueTime {
  readonly atMs: number;
  readonly mark?: number;
}

export interface FlightBatch {
  readonly token: string;
  readonly predecessor: string;
  readonly records: Map<RowKey, StagedRecord>;
  attempts: number;
  mark: number | undefined;
}

export interface RememberedWrite extends RecentWrite {
  readonly sequence: number;
}

/** What Redis holds of one shard, as plain maps, and the few steps that all operations share. */
export class MemoryShard {
  readonly shard: number;
  readonly dirty: Map<RowKey, StagedRecord> = new Map();
  readonly due: Map<RowKey, DueTime> = new Map();
  readonly dead: Map<string, DeadLetter> = new Map();
  readonly pending: Map<string, number> = new Map();
  readonly seen: Generations<string, StageAnswer>;
  readonly recent: Generations<RowKey, RememberedWrite>;
  /** Entity -> under which policy it was staged last, and when; or that it was left. */
  readonly policies: Map<string, { readonly policy: string; readonly stagedAtMs: number } | 'left'> = new Map();
  flight: FlightBatch | undefined;
  /** The last acknowledged token. */
  last: string;
  sequence = 0;
  coalesced = 0;
  annihilated = 0;
  #letters = 0;
  readonly #limits: StagingLimits;

  constructor(shard: number, last: string, limits: StagingLimits, nowMs: number) {
    this.shard = shard;
    this.last = last;
    this.#limits = limits;
    this.seen = new Generations(nowMs);
    this.recent = new Generations(nowMs);
  }

  row(rowKey: RowKey): RowState & { readonly recent?: RememberedWrite | undefined } {
    return {
      dirty: this.dirty.get(rowKey),
      inFlight: this.flight?.records.get(rowKey),
      recent: this.recent.get(rowKey),
    };
  }

  putDirty(rowKey: RowKey, record: StagedRecord, due: DueTime): void {
    this.dropDirty(rowKey);
    this.dirty.set(rowKey, record);
    this.due.set(rowKey, due);
    this.count(record.entity, 1);
  }

  dropDirty(rowKey: RowKey): void {
    const record = this.dirty.get(rowKey);
    if (record === undefined) return;
    this.dirty.delete(rowKey);
    this.due.delete(rowKey);
    this.count(record.entity, -1);
  }

  dropInFlight(rowKey: RowKey): void {
    const record = this.flight?.records.get(rowKey);
    if (record === undefined) return;
    this.flight?.records.delete(rowKey);
    this.count(record.entity, -1);
  }

  /** Ends the batch in flight, and answers its records. */
  land(): ReadonlyMap<RowKey, StagedRecord> {
    const records = this.flight?.records ?? new Map<RowKey, StagedRecord>();
    this.flight = undefined;
    for (const record of records.values()) this.count(record.entity, -1);
    return records;
  }

  count(entity: string, difference: number): void {
    this.pending.set(entity, (this.pending.get(entity) ?? 0) + difference);
  }

  bury(letter: Omit<DeadLetter, 'shard' | 'id'>): void {
    this.#letters += 1;
    const id = String(this.#letters);
    this.dead.set(id, { shard: this.shard, id, ...letter });
  }

  remember(rowKey: RowKey, written: RecentWrite, sequence: number): void {
    const version = written.version ?? this.recent.get(rowKey)?.version;
    this.recent.set(rowKey, { ...(version === undefined ? {} : { version }), deleted: written.deleted, sequence });
  }

  forget(nowMs: number): void {
    const { rememberMs, rememberRows, seenMs, seenCalls } = this.#limits;
    this.recent.age(nowMs, rememberMs, rememberRows, 0);
    this.seen.age(nowMs, seenMs, seenCalls, seenMs / 10);
  }
}
