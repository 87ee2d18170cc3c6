import type { Primary } from '@mikro-orm/core';
import type { Duration } from '../../policy/duration.js';
import type { AnyEntity, CounterName } from '../../policy/entity-types.js';

export interface WrittenOptions {
  /** How long it is waited for. 1 millisecond to 24 hours. @defaultValue `'30s'` */
  readonly timeout?: Duration;
}

/** Counters of a row, as its entity has them. */
export type Counted<Entity extends object = AnyEntity> = {
  readonly [Counter in CounterName<Entity>]?: Entity[Counter & keyof Entity];
};

/** What has been counted. */
export interface IncrementReceipt<Entity extends object = object> extends Receipt<Entity> {
  /**
   * The counters of each row as a look-up by key finds them now: with what was counted here, and with what others have
   * added since. `undefined`: there is no such row.
   */
  counters(): Promise<readonly (Counted<Entity> | undefined)[]>;
}

/** What has been staged, and how to wait until it is in the database. */
export interface Receipt<Entity extends object = object> {
  /** Primary keys of the rows, in the order in which they were given. */
  readonly keys: readonly Primary<Entity>[];
  /** The version of each row with what is staged; `undefined` where the row has none, or where nothing was loaded that could tell it. */
  readonly versions: readonly (number | Date | undefined)[];
  /**
   * Resolves when each of the changes, or a later one of its row, has been committed, whoever flushed it; also if it was annihilated by a later change, or overruled by a rule for conflicts. The
   * rows are made due at once, and this process flushes them too, even with `worker: false`.
   * @throws SpillwayError `DEAD_LETTERED` (a `DeadLetteredError`, with the reason), `WRITE_TIMEOUT`, `STAGING_LOSS`
   */
  written(options?: WrittenOptions): Promise<void>;
}
