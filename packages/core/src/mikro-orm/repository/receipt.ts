import type { Primary } from '@mikro-orm/core';
import type { Duration } from '../../policy/duration.js';
import type { AnyEntity, CounterName } from '../../policy/entity-types.js';

export interface WrittenOptions {
  /** How long the call waits. 1 millisecond to 24 hours. @defaultValue `'30s'` */
  readonly timeout?: Duration;
}

/** Counters of a row, as its entity has them. */
export type Counted<Entity extends object = AnyEntity> = {
  readonly [Counter in CounterName<Entity>]?: Entity[Counter & keyof Entity];
};

/** The receipt of increments. */
export interface IncrementReceipt<Entity extends object = object> extends Receipt<Entity> {
  /**
   * The counters of each row as a look-up by key finds them now: with the increments of this call, and with all later
   * ones. `undefined`: the row does not exist.
   */
  counters(): Promise<readonly (Counted<Entity> | undefined)[]>;
}

/** The staged changes of a call, and how to wait until they are in the database. */
export interface Receipt<Entity extends object = object> {
  /** Primary keys of the rows, in the order in which they were given. */
  readonly keys: readonly Primary<Entity>[];
  /**
   * The version of each row with its staged changes; `undefined` if the row has no version, or if nothing was loaded
   * that could tell it.
   */
  readonly versions: readonly (number | Date | undefined)[];
  /**
   * Resolves when each of the changes, or a later one of its row, has been committed, by any process. It also resolves
   * if a later change annihilated the change, or a rule for conflicts overruled it. The rows are made due at once, and
   * this process flushes them too, even with `worker: false`.
   * @throws SpillwayError `DEAD_LETTERED` (a `DeadLetteredError`, with the reason), `WRITE_TIMEOUT`, `STAGING_LOSS`
   */
  written(options?: WrittenOptions): Promise<void>;
}
