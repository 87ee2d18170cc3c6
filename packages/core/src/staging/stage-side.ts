import type { Change, VersionText } from '../change/change.js';
import type { RowKey } from '../change/row-key.js';
import type { Tier } from '../policy/durability.js';
import type { StepValues } from '../change/step.js';
import type { StagedMark } from './look-side.js';

/** The part of the staging store by which changes come in. Each method is atomic for all shards of one server. */
export interface StageSide {
  /** How many shards there are; fixed for the life of the data. */
  readonly shards: number;

  /** A group is remembered at least this long, milliseconds. Of an older one, not to know it means nothing. */
  readonly remembersCallsMs: number;

  /**
   * Shards with the same number here are on one server. What is staged in them together is accepted, or refused,
   * together.
   */
  serverOf(shard: number): number;

  /**
   * What `stage` would answer to a unit that came alone. Changes nothing. All its shards are on one server.
   *
   * @throws SpillwayError `DURABILITY_UNSUPPORTED`
   */
  check(unit: StageUnit, rules: StageGroup['rules'], tier?: Tier): Promise<UnitAnswer>;

  /**
   * Judges the units of a group in their order, each as a whole: merges all its changes into their records, or refuses
   * all of them. A unit that is refused does nothing to the others. A group whose id was seen before is answered as it
   * was the first time, refusals too (R13). All its shards are on one server. The answer waits until the group has
   * reached its tier, and says so where it has not in time.
   *
   * @throws SpillwayError `DURABILITY_UNSUPPORTED`: the server cannot give the tier, and nothing was sent
   */
  stage(group: StageGroup): Promise<GroupAnswer>;

  /**
   * Finds out about a group, or a hold, whose answer was lost: its first answer if it ran, or `voided`: it never will.
   * Waits for its tier as `stage` does.
   */
  fence(group: StageGroup): Promise<GroupAnswer>;

  /**
   * Forgets what was last written of these rows: somebody is about to insert them by SQL, where a remembered deletion
   * would refuse their later changes.
   */
  forget(keys: readonly RowKey[]): Promise<void>;

  readonly held: HeldChanges;

  readonly policies: StagedPolicies;
}

/** All changes of one unit of work that belong to shards of one server. */
export interface StageUnit {
  readonly changes: readonly Change[];
}

/** Units of work that go to one server together. */
export interface StageGroup {
  /** Unique; a group is judged once however often it is sent. */
  readonly id: string;
  readonly units: readonly StageUnit[];
  /** Entity -> how its records wait. */
  readonly rules: Readonly<Record<string, StageRules>>;
  /** Where its changes have to be before it is answered. @defaultValue `'primary'` */
  readonly tier?: Tier;
}

export interface StageRules {
  readonly debounceMs: number;
  readonly maxDelayMs: number;
  /** Most records of the entity in this shard; a row that has a record already is never refused for it. */
  readonly maxPending: number;
  /** Most bytes of one encoded record. */
  readonly maxRecordBytes: number;
  /**
   * What has to be the same for records of the entity to mean the same: of a shard, all pending ones were staged under
   * one such text.
   */
  readonly policy?: string;
  /** A change of these values is not merged into an unwritten one (see `change/step.ts`). Absent: every change is. */
  readonly steps?: StepValues;
}

export type GroupAnswer =
  /** Of each unit, in their order. */
  | {
      readonly status: 'judged';
      readonly units: readonly UnitAnswer[];
      /** It has run, and has not reached its tier in time. In words: `0 of 1 replicas had it within 500 ms`. */
      readonly shortfall?: string;
    }
  /** The group was fenced: it has not run and never will. */
  | { readonly status: 'voided' };

export type UnitAnswer =
  /**
   * `versions`: rows whose version differs from what the change asked for (a replacement goes on from the deleted row's
   * version). `marks`: the place of each change, in their order.
   */
  | {
      readonly status: 'staged';
      readonly versions: ReadonlyMap<RowKey, VersionText>;
      readonly marks: readonly StagedMark[];
    }
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[] }
  /** These shards have no chain. */
  | { readonly status: 'uninitialised'; readonly shards: readonly number[] }
  /** What is stored of its rows, or of their shards, cannot be used. Nothing was staged. */
  | { readonly status: 'unusable'; readonly error: Error };

export interface Refusal {
  readonly rowKey: RowKey;
  readonly reason: RefusalReason;
  /** `stale`: the newest version that is known. */
  readonly version?: VersionText;
  /** `full`: how many records of the entity its shard may hold. Put in by whoever asked. */
  readonly limit?: number;
}

/**
 * - `stale`: the caller's version is not the newest that is staged, in flight or remembered
 * - `deleted`: the row is deleted, in flight as deleted, or was last written as deleted
 * - `exists`: an insert of a row that is staged already
 * - `held`: a transaction that has not ended holds a change of the row
 * - `full`: `maxPending` is reached
 * - `overflow`: the sum of a counter's differences leaves int64
 * - `too-large`: the record would be larger than `maxRecordBytes`
 * - `step`: a value that other rows may wait for has changed before, and that is not written yet
 * - `policy`: records of the entity are pending that were staged under another policy
 * - `left`: nobody stages the entity any more
 */
export type RefusalReason =
  | 'stale'
  | 'deleted'
  | 'exists'
  | 'held'
  | 'full'
  | 'overflow'
  | 'too-large'
  | 'step'
  | 'policy'
  | 'left';

/**
 * Changes of transactions that have not ended. A hold is neither dirty nor due: nobody sees it, and nothing is based on
 * it but later holds of the same transaction. Others' changes of its rows are refused as `held`, unless both only add
 * differences. Each process that learns how the transaction has ended stages or drops the hold.
 */
export interface HeldChanges {
  /**
   * Holds all changes, or refuses all, for the same reasons as `stage`. An id under which changes are held is answered
   * as it was the first time; a refused hold may be sent again. `fence` treats it like a group of one unit.
   *
   * @throws SpillwayError `DURABILITY_NOT_REACHED`: it may be held, and has to be dropped; `DURABILITY_UNSUPPORTED`
   */
  hold(call: HoldCall): Promise<UnitAnswer | { readonly status: 'voided' }>;

  /**
   * The transaction has committed these holds: their changes are staged now, in the order in which they were held.
   * Given with each are the rows that the transaction has written itself, whose changes are gone. Ids that are not held
   * are left out. All of a transaction's holds in the shard that were committed have to be given together, or later
   * ones after earlier ones.
   * @returns the rows that are dirty now
   */
  stage(shard: number, holds: ReadonlyMap<string, readonly RowKey[]>): Promise<readonly RowKey[]>;

  /** The transaction has ended without these holds, or has taken them back. Answers how many there were. */
  drop(shard: number, ids: readonly string[]): Promise<number>;

  /** Everything that is held: in all shards, or in those that are given. */
  list(shards?: readonly number[]): Promise<readonly Hold[]>;
}

/** The changes of a transaction that belong to one shard. */
export interface HoldCall extends StageUnit {
  readonly shard: number;
  /** Unique in its shard. */
  readonly id: string;
  /** Entity -> how its records wait. */
  readonly rules: Readonly<Record<string, StageRules>>;
  /** What the database calls the transaction: its holds build on each other. */
  readonly transaction: string;
  /** Where it has to be before its transaction may commit it. @defaultValue `'primary'` */
  readonly tier?: Tier;
  /**
   * Its earlier holds that stand. What else it holds of these rows was rolled back with a savepoint, or is not known to
   * have arrived, and is dropped.
   */
  readonly standing: readonly string[];
}

export interface Hold {
  readonly shard: number;
  readonly id: string;
  readonly transaction: string;
  /** Milliseconds since it was held. */
  readonly ageMs: number;
}

/**
 * Who stages what. An entity is left once nothing of it is pending anywhere. From then on a process that would still
 * stage it is refused, so that a process which writes it by SQL need not ask any more.
 */
export interface StagedPolicies {
  /**
   * Leaves each of these entities of which nothing is pending or held, and nothing was staged for so long.
   * @returns those that are left
   */
  leave(entities: readonly string[], quietMs: number): Promise<readonly string[]>;
  /** Lets entities that were left be staged again. */
  rejoin(entities: readonly string[]): Promise<void>;
}
