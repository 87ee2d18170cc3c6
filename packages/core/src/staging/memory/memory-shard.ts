import { moreVoid, type RecentWrite, type RowState, type VoidVersions } from '../../change/coalesce-change.js';
import type { HeldLayer } from '../../change/held-layer.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { newestVersion } from '../../change/version.js';
import type { StagingLimits } from '../limits.js';
import type { StageRules } from '../stage-side.js';
import type { AddedRecord } from '../flush-side.js';
import type { DeadLetter, DroppedLetter } from '../dead-letter-store.js';
import { Generations } from './generations.js';

/** When a dirty record is due. A drain marks it with its watermark. Marked records come first, the older mark first. */
export interface DueTime {
  readonly atMs: number;
  readonly mark?: number;
  /** PostgreSQL refused the record: no drain makes it due before `atMs`. */
  readonly keepsPause?: boolean;
}

export interface FlightBatch {
  readonly token: string;
  readonly predecessor: string;
  readonly records: Map<RowKey, StagedRecord>;
  attempts: number;
  mark: number | undefined;
  /** Records that were added since the claim, in parts, with the record of each row that was in flight before. */
  readonly parts: Map<RowKey, AddedRecord>[];
}

/** One hold: its layers lie on its rows. */
export interface MemoryHold {
  readonly transaction: string;
  readonly atMs: number;
  readonly rows: readonly RowKey[];
  readonly rules: Readonly<Record<string, StageRules>>;
}

export interface RememberedWrite extends RecentWrite {
  readonly sequence: number;
}

export interface LetterTrace {
  readonly id: string;
  readonly first: number;
  readonly last: number;
  readonly code: string;
}

const MOST_LETTERS = 8;

/** Before the first change of a shard. */
export const NOTHING_WRITTEN = 0;

/** Most letters that an act drops, beside as many as it has made. */
const MOST_DROPPED = 500;

/** One shard, as plain maps for the keys in Redis, and the few steps that all operations share. */
export class MemoryShard {
  readonly shard: number;
  readonly dirty: Map<RowKey, StagedRecord> = new Map();
  readonly due: Map<RowKey, DueTime> = new Map();
  readonly layers: Map<RowKey, readonly HeldLayer[]> = new Map();
  readonly holds: Map<string, MemoryHold> = new Map();
  readonly dead: Map<string, DeadLetter> = new Map();
  readonly pending: Map<string, number> = new Map();
  readonly recent: Generations<RowKey, RememberedWrite>;
  /** Entity -> the policy under which it was staged last, and when; or `left`. */
  readonly policies: Map<string, { readonly policy: string; readonly stagedAtMs: number } | 'left'> = new Map();
  flight: FlightBatch | undefined;
  /** Row key -> which dead letters hold which changes of the row, also after a letter is discarded. */
  readonly letters: Generations<RowKey, readonly LetterTrace[]>;
  /** Since when the chain is whole. */
  since: string;
  /** The last acknowledged token. */
  last: string;
  sequence = 0;
  coalesced = 0;
  annihilated = 0;
  /** How often records of a batch with a mark have come back unwritten. */
  putOff = 0;
  lettersDropped = 0;
  #letters = 0;
  #buried = 0;
  readonly #limits: StagingLimits;

  constructor(shard: number, last: string, limits: StagingLimits, nowMs: number) {
    this.shard = shard;
    this.last = last;
    this.#limits = limits;
    this.recent = new Generations(nowMs);
    this.letters = new Generations(nowMs);
    this.since = String(nowMs);
  }

  row(rowKey: RowKey): RowState & { readonly recent?: RememberedWrite | undefined } {
    return {
      dirty: this.dirty.get(rowKey),
      inFlight: this.flight?.records.get(rowKey),
      recent: this.recent.get(rowKey),
    };
  }

  layersOf(rowKey: RowKey): readonly HeldLayer[] {
    return this.layers.get(rowKey) ?? [];
  }

  setLayers(rowKey: RowKey, layers: readonly HeldLayer[]): void {
    if (layers.length === 0) this.layers.delete(rowKey);
    else this.layers.set(rowKey, layers);
  }

  heldOf(entity: string): number {
    return [...this.layers.values()].flat().filter(({ record }) => record.entity === entity).length;
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

  /** A drain waits for marked records, and a record that comes back is no longer marked. This tells all drains. */
  tellDrains(mark: number | undefined): void {
    if (mark !== undefined) this.putOff += 1;
  }

  count(entity: string, difference: number): void {
    this.pending.set(entity, (this.pending.get(entity) ?? 0) + difference);
  }

  bury(letter: Omit<DeadLetter, 'shard' | 'id'>): void {
    this.#letters += 1;
    this.#buried += 1;
    const id = String(this.#letters);
    this.dead.set(id, { shard: this.shard, id, ...letter });
    const { first, last } = letter.record;
    this.noteLetter(letter.rowKey, { id, first, last, code: letter.code });
  }

  /** Drops the oldest letters while there are too many, or they are too old. A lowered limit takes several acts. */
  dropLetters(nowMs: number): readonly DroppedLetter[] {
    const { keepLetters, keepLettersMs } = this.#limits;
    const dropped: DroppedLetter[] = [];
    for (const { id, rowKey, code, atMs, record } of this.dead.values()) {
      const isOld = keepLettersMs > 0 && nowMs - atMs > keepLettersMs;
      if (dropped.length === MOST_DROPPED + this.#buried || (this.dead.size <= keepLetters && !isOld)) break;
      this.dead.delete(id);
      dropped.push({ rowKey, entity: record.entity, code, atMs });
    }
    this.#buried = 0;
    this.lettersDropped += dropped.length;
    return dropped;
  }

  noteLetter(rowKey: RowKey, trace: LetterTrace): void {
    this.letters.set(rowKey, [...(this.letters.get(rowKey) ?? []), trace].slice(-MOST_LETTERS));
  }

  /** A letter that was put back is pending again. */
  unbury(id: string, rowKey: RowKey): void {
    this.dead.delete(id);
    const traces = this.letters.get(rowKey) ?? [];
    this.letters.set(
      rowKey,
      traces.filter((trace) => trace.id !== id),
    );
  }

  remember(rowKey: RowKey, written: RecentWrite, sequence: number): void {
    const known = this.recent.get(rowKey);
    const version = written.version ?? known?.version;
    const isVoid = known?.void !== undefined && newestVersion(version, known.void.to) !== version;
    this.recent.set(rowKey, {
      ...(version === undefined ? {} : { version }),
      deleted: written.deleted,
      sequence,
      ...(isVoid && { void: known.void }),
    });
  }

  rememberVoid(rowKey: RowKey, versions: VoidVersions): void {
    const known = this.recent.get(rowKey) ?? { deleted: false, sequence: NOTHING_WRITTEN };
    this.recent.set(rowKey, { ...known, void: moreVoid(known.void, versions) });
  }

  forget(nowMs: number): void {
    const { rememberMs, rememberRows } = this.#limits;
    this.recent.age(nowMs, rememberMs, rememberRows, 0);
    this.letters.age(nowMs, rememberMs, rememberRows, 0);
  }
}
