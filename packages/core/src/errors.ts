import { bareError, asBare } from './bare-error.js';
import { printable } from './printable.js';

/** Every code a `SpillwayError` can carry. */
export type SpillwayErrorCode =
  | 'CONFIG_INVALID'
  | 'ENTITY_UNSUPPORTED'
  | 'REDIS_VOLATILE'
  | 'SHARD_MAP_MISMATCH'
  | 'DATABASE_UNAVAILABLE'
  | 'STAGING_UNAVAILABLE'
  | 'STAGING_TIMEOUT'
  | 'POLICY_MISMATCH'
  | 'STAGING_PARTIAL'
  | 'STAGING_FULL'
  | 'DURABILITY_UNSUPPORTED'
  | 'DURABILITY_NOT_REACHED'
  | 'ROW_EXISTS'
  | 'ROW_HELD'
  | 'HELD_UNWRITABLE'
  | 'DRAIN_TIMEOUT'
  | 'ONE_CONNECTION'
  | 'WRITE_TIMEOUT'
  | 'DEAD_LETTERED'
  | 'STAGING_LOSS'
  | 'VALIDATION_FAILED'
  | 'COUNTER_OVERFLOW'
  | 'RECORD_TOO_LARGE'
  | 'ORM_INCOMPATIBLE'
  | 'STOPPED';

/** The one class of errors that Spillway throws. A stale version is MikroORM's own `OptimisticLockError`. */
export class SpillwayError extends Error {
  override readonly name: string = 'SpillwayError';
  readonly code: SpillwayErrorCode;

  /**
   * @param message says what happened, to what, and what to do about it.
   * @param options a cause is kept without what a driver has hung on it: see `bareError`.
   */
  constructor(code: SpillwayErrorCode, message: string, options?: ErrorOptions) {
    super(printable(`${message} [${code}]`), bareCause(options));
    this.code = code;
    asBare(this);
  }
}

/** As with any other error, `cause` is absent where none is given. */
export function bareCause(options: ErrorOptions | undefined): ErrorOptions | undefined {
  return options?.cause === undefined ? undefined : { cause: bareError(options.cause) };
}

/** An error's text in one line, safe to show in events and messages. The thrown value may be of any type. */
export function textOf(error: unknown): string {
  return bareError(error).message;
}

/** True if a call gave up because pending changes were not written in time. */
export function isDrainTimeout(error: unknown): error is SpillwayError {
  return error instanceof SpillwayError && error.code === 'DRAIN_TIMEOUT';
}
