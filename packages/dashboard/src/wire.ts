/** The JSON API. The page and the server share these types. */
import type { Health, SpillwayStatus } from '@spillway/core';
import type { Access } from './options.js';

/** What the sender of the request may do, and what this release of Spillway can. */
export interface Capabilities {
  readonly access: Access;
  readonly values: 'hidden' | 'shown';
  readonly can: { readonly diagnose: boolean };
  /** Names of the entities that may be written behind. */
  readonly entities: readonly string[];
}

/** One look at the counts, with what has changed since the look before. Rates are per second. */
export interface Point {
  /** Milliseconds since 1970 by the clock of the process that answers. */
  readonly atMs: number;
  readonly accepted: number;
  /** Rows that have left the staging store. */
  readonly written: number;
  readonly coalesced: number;
  readonly pending: number;
  readonly oldestMs: number;
  /** Median and 95th percentile of the flushes of this process since the look before; absent if there were none. */
  readonly flushMs?: readonly [median: number, high: number];
}

/** What this process has met since the dashboard was mounted. */
export interface OwnCounts {
  readonly sinceMs: number;
  readonly conflicts: number;
  readonly retries: number;
  readonly deadLetters: number;
  /** Whether flushes of this process are timed: this release tells how long they take. */
  readonly timesFlushes: boolean;
}

export interface Snapshot {
  readonly point: Point;
  readonly status: SpillwayStatus;
  readonly health: Health;
  readonly own: OwnCounts;
}

/** Why there is no snapshot at present. */
export interface NoSnapshot {
  readonly problem: string;
  readonly health?: Health;
}

/** Numbers of one shard: shard, place of its server in `servers`, dirty, in flight, dead, age of its oldest (ms). */
export type ShardRow = readonly [
  shard: number,
  server: number,
  dirty: number,
  inFlight: number,
  dead: number,
  oldestMs: number,
];

export interface Depths {
  readonly servers: readonly string[];
  readonly shards: readonly ShardRow[];
  /** Entity -> age of its oldest waiting change, milliseconds. */
  readonly oldestMs: Readonly<Record<string, number>>;
}

export interface LetterId {
  readonly shard: number;
  readonly id: string;
}

export interface LetterSummary extends LetterId {
  readonly entity: string;
  /** The texts of the primary key. */
  readonly key: string;
  readonly kind: string;
  readonly code: string;
  readonly reason: string;
  readonly atMs: number;
  /** Names of the properties that it sets or adds to. */
  readonly properties: readonly string[];
}

export interface LetterList {
  readonly letters: readonly LetterSummary[];
  readonly offset: number;
  /** Whether there are more behind these. */
  readonly more: boolean;
}

/** One property of a record, beside its row. Texts are JSON; absent: there is none, or it is hidden. */
export interface PropertyView {
  readonly name: string;
  /** `staged`: there is no row to compare with, or it could not be compared. `row`: the record does not set it. */
  readonly state: 'differs' | 'same' | 'staged' | 'row';
  readonly staged?: string;
  /** The value when the row was loaded, where the policy keeps it. */
  readonly loaded?: string;
  readonly database?: string;
  readonly isHidden: boolean;
  readonly isEditable: boolean;
}

export interface RecordView {
  readonly kind: string;
  readonly base?: string;
  readonly version?: string;
  readonly firstAtMs: number;
  readonly merged: number;
  readonly attempts: number;
  readonly isDoubtful: boolean;
  readonly deltas: readonly { readonly name: string; readonly by?: string }[];
}

export interface RowView {
  readonly isThere: boolean;
  readonly version?: string;
  /** Why the row could not be looked up. */
  readonly problem?: string;
}

export interface LetterDetail extends LetterSummary {
  /** All that the database said; it may quote values. */
  readonly message?: string;
  readonly record: RecordView;
  readonly row: RowView;
  readonly values: readonly PropertyView[];
}

/** A step in the life of a row's changes, from the newest place to the oldest. */
export interface LifeStep {
  readonly place: 'held' | 'dirty' | 'in flight' | 'dead';
  readonly record: RecordView;
  readonly values: readonly PropertyView[];
  readonly letter?: LetterSummary;
  readonly token?: string;
}

export interface LifeView {
  readonly entity: string;
  readonly key: string;
  readonly shard: number;
  readonly steps: readonly LifeStep[];
  /** What was written last, while it is remembered. */
  readonly recent?: { readonly version?: string; readonly isDeleted: boolean };
  readonly row: RowView;
  readonly values: readonly PropertyView[];
}

/** How many letters an act on several has met, by what became of them. */
export interface ActReport {
  readonly done: number;
  /** Letters whose rows were staged or written since. */
  readonly newer: number;
  readonly absent: number;
  readonly refused: number;
  readonly refusal?: string;
}

export interface FindingView {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'problem';
  readonly message: string;
  readonly remedy?: string;
}
