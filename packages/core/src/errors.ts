import { bareError, markBare } from './bare-error.js';
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
    markBare(this);
  }
}

/** No `cause` at all where none is given, as of any other error. */
export function bareCause(options: ErrorOptions | undefined): ErrorOptions | undefined {
  return options?.cause === undefined ? undefined : { cause: bareError(options.cause) };
}

/** What an error says, in one line for events and messages, of which all may be told. Anything can be thrown. */
export function textOf(error: unknown): string {
  return bareError(error).message;
}

/** Whether something was given up because what is pending was not written in time. */
export function isDrainTimeout(error: unknown): error is SpillwayError {
  return error instanceof SpillwayError && error.code === 'DRAIN_TIMEOUT';
}
