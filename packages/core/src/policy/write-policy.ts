import type { ConflictFunction } from './conflict-function.js';
import type { Durability } from './durability.js';
import type { Duration } from './duration.js';
import type { AnyEntity, CounterName } from './entity-types.js';
import type { QueryMode } from './query-mode.js';

/**
 * How the changes of one entity wait in the staging store and reach the database, as a developer writes it. An option
 * that is left out comes from the `defaults` of `spillway()`, or is the default named here.
 */
export interface WritePolicy<
  Entity extends object = AnyEntity,
  Counter extends CounterName<Entity> = CounterName<Entity>,
>
  extends WaitingOptions, CachingOptions, ValidatingOptions {
  /**
   * Staged, and written a moment later. Needed only where both modes can stand: in the `policies` of `spillway()`.
   * @defaultValue `'behind'`
   */
  readonly mode?: 'behind';

  /**
   * How a change is handled when its row is not as the change expects it:
   * - `'dead-letter'`: the record becomes a dead letter, with the reason
   * - `'overwrite'`: our properties win. Does not apply to an insert whose key exists already
   * - `'keep-database'`: the change is dropped
   * - `'merge'`: properties that only we changed are written. A property that both sides changed makes the record a
   *   dead letter, or is decided by `{ merge: { both } }`. Does not apply to an insert whose key exists already
   * - a function decides case by case
   *
   * Counters are applied in each case. Properties that `onUpdate` sets are no conflict: the later value wins, and they
   * are written only along with other properties.
   * @defaultValue `'dead-letter'`
   */
  readonly conflict?: NamedConflictOption | ConflictFunction<Entity>;

  /**
   * Properties whose changes commute: they are staged as differences, added up exactly, and never conflict. A counter
   * is not a reservation: a check such as `stock >= 0` fails when it is written, not when it is staged. At most 64.
   * @defaultValue none
   */
  readonly counters?: readonly Counter[];
}

/**
 * How one entity is written through: by MikroORM itself, in SQL, before `em.flush()` resolves. Options about waiting,
 * conflicts and queues are therefore refused.
 */
export interface WriteThroughPolicy extends CachingOptions, ValidatingOptions {
  /** Needed where both modes can stand: in the `policies` of `spillway()`. `@WriteThrough` implies it. */
  readonly mode?: 'through';
}

/**
 * The `defaults` of `spillway()`: every option except `counters`, which are properties of one entity, and `mode`, which
 * the decorator decides. Entities that are written through use only `cache` and `validate` of them.
 */
export interface PolicyDefaults extends WaitingOptions, CachingOptions, ValidatingOptions {
  /**
   * See {@link WritePolicy.conflict}. A function gets values of any entity.
   * @defaultValue `'dead-letter'`
   */
  readonly conflict?: NamedConflictOption | ConflictFunction;
}

/** A policy that stands on a class, without the entity's type. */
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
   * Keeps a copy of rows in the staging store; look-ups by key are answered from it without SQL. A copy is never older
   * than the last commit of any process through Spillway. Writes past Spillway (the query builder, `em.execute()`,
   * other programs, triggers) become visible after `ttl` at the latest. `false` turns off a cache of the `defaults`.
   * @defaultValue off
   */
  readonly cache?: CacheOptions | false;
}

export interface CacheOptions {
  /** The longest time for which a copy is used. 1 second to 24 hours. */
  readonly ttl: Duration;
}

/** The options that do not concern single properties. */
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
   * How another writer's change of the row is noticed: by the row's version, by comparing the changed properties with
   * their values when loaded, or not at all (the last write wins, as in plain MikroORM).
   * @defaultValue `'version'`, and `'none'` for an entity without a version property
   */
  readonly detect?: 'version' | 'changed-properties' | 'none';

  /**
   * How a record that the database rejects on its own is retried. Failures of the connection or the server are
   * retried without end and do not count.
   */
  readonly retry?: RetryOptions;

  /**
   * Most pending records of the entity, over all shards. 1 to 1,000,000,000. A change of a row that is pending already
   * always finds room.
   * @defaultValue `1_000_000`
   */
  readonly maxPending?: number;

  /**
   * Most bytes of one encoded record, with its row key. 1 KiB to 64 MiB. A change that would make the record larger is
   * refused with `RECORD_TOO_LARGE`.
   * @defaultValue `1_048_576`
   */
  readonly maxRecordBytes?: number;

  /**
   * Where a change has to be before a flush, or a call past the unit of work, resolves:
   * - `'primary'`: the memory of the Redis primary has it, and its disk as its settings say
   * - `'replicated'`: so have all replicas of it that are online, at least one
   * - `'fsynced'`: it is on the disk of the primary
   *
   * Of a flush of several entities the strictest counts for all. Batches of a process are written to PostgreSQL only
   * once they are as safe as the strictest of its policies says. `save()`, `remove()`, `patch()` and `increment()`
   * choose another one by their option `durability`. A server that cannot give it refuses the call with
   * `DURABILITY_UNSUPPORTED`, and nothing is staged; one that does not reach it in time rejects with
   * `DURABILITY_NOT_REACHED`, and the changes are staged.
   * @defaultValue `'primary'`
   */
  readonly durability?: Durability;

  /**
   * How a flush, or a call past the unit of work, behaves when `maxPending` is reached or the staging store is out of
   * memory: it waits up to `blockTimeout` for room, fails with `STAGING_FULL` at once, or is written by SQL, after the
   * pending changes of its rows.
   * @defaultValue `'block'`
   */
  readonly onFull?: 'block' | 'reject' | 'write-through';

  /**
   * How a flush behaves when the staging store cannot be reached: it fails with `STAGING_UNAVAILABLE`, or is written by
   * SQL. SQL is possible only if nothing of the flush has been sent: a store that was sent changes and does not answer
   * may still stage them (`STAGING_TIMEOUT`). Pending changes in the store cannot be written first; only the version
   * tells them from newer ones. The entity must therefore have a version, and a call that compares no version fails all
   * the same: all but `em.insert()`, `em.insertMany()` and `patch()` with a version.
   * @defaultValue `'fail'`
   */
  readonly onStagingDown?: 'fail' | 'write-through';

  /**
   * How long `onFull: 'block'` waits before it fails with `STAGING_FULL`. 1 millisecond to 1 hour.
   * @defaultValue `'5s'`
   */
  readonly blockTimeout?: Duration;

  /**
   * How a query treats pending changes. A query is any read except a look-up by key, which always sees them:
   * - `'drain'`: the query waits until all earlier changes are written, at most `drainTimeout`, and so sees all of them
   * - `'overlay'`: the query does not wait. Pending changes are laid over the rows that PostgreSQL answers; PostgreSQL
   *   decides which rows, in which order and how many. Rows that match only through pending changes, such as new ones,
   *   are not found
   * - `'database'`: the query sees PostgreSQL as it is
   *
   * A single query chooses another mode by its option `spillway`.
   * @defaultValue `'drain'`
   * @example
   * ```ts
   * await em.find(Product, { price: { $lt: 5 } }, { spillway: 'database' });
   * ```
   */
  readonly queries?: QueryMode;

  /**
   * How long a query waits for pending changes of the entity to be written before it fails with `DRAIN_TIMEOUT`. 1
   * millisecond to 1 hour.
   * @defaultValue `'2s'`
   */
  readonly drainTimeout?: Duration;

  /**
   * How a query continues after `drainTimeout`: it fails with `DRAIN_TIMEOUT`, or goes on as with `queries: 'overlay'`,
   * with an event `lagging`. A query of several types goes on only if all entities that it waits for allow it. A
   * statement that writes by a condition always fails.
   * @defaultValue `'throw'`
   */
  readonly onDrainTimeout?: 'throw' | 'overlay';

  /**
   * Where rows are read: from the primary, whatever MikroORM's `preferReadReplicas` says, or from the replica that
   * MikroORM chooses. A replica's row that is older than Spillway's knowledge of it is read again from the primary. A
   * query that drains always reads the primary, because a replica cannot show that it lacks a row.
   * @defaultValue `'primary'`
   */
  readonly reads?: 'primary' | 'replica';

  /**
   * How changes of the entity are written in a transaction of the application (`em.transactional()`, `em.begin()`).
   * `'through'`: by SQL, in the transaction. `'stage'`: held in the staging store, and staged when the transaction
   * commits, otherwise dropped; it applies where all changes of a flush may be staged. `em.transactional(cb, { spillway
   * })` decides for one transaction.
   * @defaultValue `'through'`
   */
  readonly transactions?: 'through' | 'stage';

  /**
   * How records are handled that may or may not have been written, after the staging store has lost data: they are
   * parked as dead letters, or applied, perhaps for the second time.
   * @defaultValue `'park'`
   */
  readonly onStagingLoss?: 'park' | 'apply';

  /**
   * How a new row is handled that needs a value which only the database can make (a generated column, a default that is
   * an expression, a key that is one). `'sql'`: the flush that inserts it is written by SQL, and later changes of the
   * row are staged. `'refuse'`: the entity is refused when MikroORM discovers it, so that no flush is slow by surprise.
   * @defaultValue `'sql'`
   */
  readonly inserts?: 'sql' | 'refuse';

  /**
   * How `increment()` handles a missing row, unless the call decides:
   * - `'dead-letter'`: the increment becomes a dead letter `ROW_MISSING`
   * - `'drop'`: it is dropped, with an event `conflict`
   * - `'create'`: the row is created with the data that the call gives as `create`, and counted
   *
   * Counters that a flush changes become dead letters in each case: their row existed when it was loaded.
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

/** How class-validator is called; the names and meanings are its own. */
export interface ValidateOptions {
  /** Only decorators of these groups count. */
  readonly groups?: readonly string[];
  /** Decorators without a group count in every group. */
  readonly always?: boolean;
  /** Without `groups`, decorators with a group do not count. */
  readonly strictGroups?: boolean;
  /** Only the first failing constraint of each property is reported. */
  readonly stopAtFirstError?: boolean;
}

/** An option of both modes. */
export interface ValidatingOptions {
  /**
   * Runs class-validator's decorators before anything is staged or written: on the whole entity when it is new, on its
   * changed properties otherwise; never on its relations. An object names groups. It costs nothing where a class has no
   * such decorators, or class-validator is not installed.
   * @defaultValue `true`
   */
  readonly validate?: boolean | ValidateOptions;
}
