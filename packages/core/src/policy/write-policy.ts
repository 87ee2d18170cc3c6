import type { ConflictFunction } from './conflict-function.js';
import type { Duration } from './duration.js';
import type { AnyEntity, CounterName } from './entity-types.js';
import type { QueryMode } from './query-mode.js';
import type { ValidatingOptions } from './validate-options.js';

/**
 * How the changes of one entity wait in the staging store and reach the database, as a developer writes it. Whatever is left out comes from the `defaults` of
 * `spillway()`, or is the default named here.
 */
export interface WritePolicy<
  Entity extends object = AnyEntity,
  Counter extends CounterName<Entity> = CounterName<Entity>,
>
  extends WaitingOptions, CachingOptions, ValidatingOptions {
  /**
   * Staged, and written a moment later. Said only where both modes can stand: in the `policies` of `spillway()`.
   * @defaultValue `'behind'`
   */
  readonly mode?: 'behind';

  /**
   * What is done when the row is not as the change expects it:
   * - `'dead-letter'`: the record is parked, with the reason
   * - `'overwrite'`: our properties win. Does not apply to an insert whose key exists already
   * - `'keep-database'`: the change is dropped
   * - `'merge'`: properties that only we changed are written; one that both sides changed makes it a dead letter, or what `{ merge: { both } }` says. Does not apply
   *   to an insert whose key exists already
   * - a function decides case by case
   *
   * Counters are applied whatever becomes of the rest. Properties that `onUpdate` sets are no conflict: the later one
   * wins, and they are written along with something else only.
   * @defaultValue `'dead-letter'`
   */
  readonly conflict?: NamedConflictOption | ConflictFunction<Entity>;

  /**
   * Properties whose changes commute: they are staged as differences, added up exactly, and never conflict. A counter is not a reservation: a check such as `stock >= 0`
   * fails when it is written, not when it is staged. At most 64.
   * @defaultValue none
   */
  readonly counters?: readonly Counter[];
}

/**
 * How one entity is written through: by MikroORM itself, in SQL, before `em.flush()` resolves. So every option about waiting, conflicts and queues is refused.
 */
export interface WriteThroughPolicy extends CachingOptions, ValidatingOptions {
  /** Needed where both modes can stand: in the `policies` of `spillway()`. `@WriteThrough` says it by its name. */
  readonly mode?: 'through';
}

/**
 * What `defaults` of `spillway()` may hold: every option but `counters`, for those are properties of one entity, and `mode`, which is the choice of the decorator. Entities that are written
 * through take `cache` of it.
 */
export interface PolicyDefaults extends WaitingOptions, CachingOptions, ValidatingOptions {
  /**
   * See {@link WritePolicy.conflict}. A function gets values of any entity.
   * @defaultValue `'dead-letter'`
   */
  readonly conflict?: NamedConflictOption | ConflictFunction;
}

/** A policy once it stands on a class, with the entity's type gone. */
export interface StoredPolicy extends WaitingOptions, CachingOptions, ValidatingOptions {
  readonly mode?: 'behind' | 'through';
  readonly conflict?: NamedConflictOption | ((conflict: never) => unknown);
  readonly counters?: readonly string[];
}

/** A conflict strategy that is chosen by name. */
export type NamedConflictOption =
  | 'overwrite'
  | 'keep-database'
  | 'dead-letter'
  | 'merge'
  | { readonly merge: { readonly both?: 'overwrite' | 'keep-database' | 'dead-letter' } };

/** The options that both modes have. */
export interface CachingOptions {
  /**
   * Keeps a copy of rows in the staging store, from which look-ups by key are answered without SQL. It is never older than what any process has committed through Spillway; what is
   * written past it (the query builder, `em.execute()`, other programs, triggers) is seen after `ttl` at the latest. `false` where the `defaults` say otherwise.
   * @defaultValue off
   */
  readonly cache?: CacheOptions | false;
}

export interface CacheOptions {
  /** How long a copy is believed at most. 1 second to 24 hours. */
  readonly ttl: Duration;
}

/** The options that say nothing about single properties. */
export interface WaitingOptions {
  /**
   * Quiet time after the last change of a row before it is due. 0 to 1 hour.
   * @defaultValue `'100ms'`
   */
  readonly debounce?: Duration;

  /**
   * Longest time a row may wait before it is due, however busy it is. At least `debounce`, at most 24 hours.
   * @defaultValue `'1s'`
   */
  readonly maxDelay?: Duration;

  /**
   * How it is noticed that somebody else has changed the row: by its version, by comparing the changed properties with what they were when loaded, or not at all (the last
   * write wins, as in plain MikroORM).
   * @defaultValue `'version'`, and `'none'` for an entity without a version property
   */
  readonly detect?: 'version' | 'changed-properties' | 'none';

  /** What happens to a record that the database rejects on its own. Failures of the connection or the server are retried without end and do not count. */
  readonly retry?: RetryOptions;

  /**
   * Most pending records of the entity, over all shards. 1 to 1,000,000,000. A change of a row that is pending already always finds room.
   * @defaultValue `1_000_000`
   */
  readonly maxPending?: number;

  /**
   * Most bytes of one encoded record, with its row key. 1 KiB to 64 MiB. A change that would make it larger is refused with `RECORD_TOO_LARGE`.
   * @defaultValue `1_048_576`
   */
  readonly maxRecordBytes?: number;

  /**
   * What a flush, or a call past the unit of work, does when `maxPending` is reached, or the staging store is out of memory: wait up to `blockTimeout` for room, fail with `STAGING_FULL` at once, or be written by SQL, after
   * what is pending of its rows.
   * @defaultValue `'block'`
   */
  readonly onFull?: 'block' | 'reject' | 'write-through';

  /**
   * What a flush does when the staging store cannot be reached: fail with `STAGING_UNAVAILABLE`, or be written by SQL. The latter only if nothing of the flush has been sent: a store that
   * has been sent something and does not answer may stage it yet (`STAGING_TIMEOUT`). What is pending there and cannot be written first is told from what is newer by the version, so the
   * entity must have one; a call that compares no version fails all the same: all but `em.insert()`, `em.insertMany()` and `patch()` with a version.
   * @defaultValue `'fail'`
   */
  readonly onStagingDown?: 'fail' | 'write-through';

  /**
   * How long `onFull: 'block'` waits before it fails with `STAGING_FULL`. 1 millisecond to 1 hour.
   * @defaultValue `'5s'`
   */
  readonly blockTimeout?: Duration;

  /**
   * What a query makes of pending changes, where a query is any read that is no look-up by key (those always see them):
   * - `'drain'`: it waits until what was staged before it is written, at most `drainTimeout`, and so sees all of it
   * - `'overlay'`: it does not wait. Pending changes are laid over the rows that PostgreSQL answers; which rows, in which order and how many, PostgreSQL decides. It does not find rows
   *   that only pending changes would let it find, such as new ones
   * - `'database'`: it sees PostgreSQL as it is
   *
   * A single query asks for another one by its option `spillway`.
   * @defaultValue `'drain'`
   */
  readonly queries?: QueryMode;

  /**
   * How long a query waits for pending changes of the entity to be written before it fails with `DRAIN_TIMEOUT`. 1 millisecond to 1 hour.
   * @defaultValue `'2s'`
   */
  readonly drainTimeout?: Duration;

  /**
   * What a query does after `drainTimeout`: it fails with `DRAIN_TIMEOUT`, or goes on as with `queries: 'overlay'`, with an event `lagging`. A query of several types goes on only if all
   * that it waits for allow it. A statement that writes by a condition always fails.
   * @defaultValue `'throw'`
   */
  readonly onDrainTimeout?: 'throw' | 'overlay';

  /**
   * Where rows are read: from the primary, whatever MikroORM's `preferReadReplicas` says, or from the replica that MikroORM chooses. A row of a replica that is older than what Spillway
   * knows of it is read again from the primary. A query that drains always reads the primary, for a replica cannot show that it lacks a row.
   * @defaultValue `'primary'`
   */
  readonly reads?: 'primary' | 'replica';

  /**
   * How changes of the entity are written in a transaction of the application (`em.transactional()`, `em.begin()`): by SQL, in it (`'through'`); or held in the staging store, and staged with its commit, or
   * not at all (`'stage'`), where all that a flush writes may be. `em.transactional(cb, { spillway })` decides for one transaction.
   * @defaultValue `'through'`
   */
  readonly transactions?: 'through' | 'stage';

  /**
   * What becomes of records that may or may not have been written, when the staging store turns out to have forgotten something: park them as dead letters, or apply them, perhaps for
   * the second time.
   * @defaultValue `'park'`
   */
  readonly onStagingLoss?: 'park' | 'apply';

  /**
   * What is done about a new row that needs a value which only the database can make (a generated column, a default that is an expression, a key that is one): the flush that inserts it is
   * written by SQL, and later changes of the row are staged; or the entity is refused when MikroORM discovers it, so that no flush is slow by surprise.
   * @defaultValue `'sql'`
   */
  readonly inserts?: 'sql' | 'refuse';

  /**
   * What `increment()` does where the row is not there, unless the call says it:
   * - `'dead-letter'`: the increment is parked as `ROW_MISSING`
   * - `'drop'`: it is dropped, with an event `conflict`
   * - `'create'`: the row is made, of the data that the call gives as `create`, and counted
   *
   * Counters that a flush changes are parked in each case: their row was there when it was loaded.
   * @defaultValue `'dead-letter'`
   */
  readonly missing?: 'dead-letter' | 'drop' | 'create';
}

export interface RetryOptions {
  /**
   * How often a record is tried before it becomes a dead letter. 1 to 1,000.
   * @defaultValue `5`
   */
  readonly attempts?: number;

  /**
   * Pause after the first failure; it doubles with each further one. 1 millisecond to 1 hour.
   * @defaultValue `'100ms'`
   */
  readonly minDelay?: Duration;

  /**
   * Longest pause. At least `minDelay`, at most 24 hours.
   * @defaultValue `'30s'`
   */
  readonly maxDelay?: Duration;
}
