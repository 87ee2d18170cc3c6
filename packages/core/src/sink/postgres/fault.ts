import pg from 'pg';
import { SpillwayError } from '../../errors.js';
import { CommitUnknown, SinkDown, SinkFailure, SinkRestart } from '../sink-failure.js';
import { messageOf, reasonOf } from './fault-text.js';
import type { KnownNames } from './known-names.js';
import { classify, type FaultKind } from './sqlstate.js';

/** An error of PostgreSQL that leaves the transaction alive. */
export interface Fault {
  readonly kind: Exclude<FaultKind, 'transient' | 'restart'>;
  readonly sqlstate: string;
  /** For logs and events: names, never values. */
  readonly reason: string;
  /** All that PostgreSQL said: for a dead letter, and nothing else. */
  readonly message?: string;
}

export const FOREIGN_KEY = '23503';
export const TIMED_OUT = '57014';

/**
 * @param names those that may be told
 * @throws SinkDown, SinkRestart: what no record is to be blamed for. Whatever is no error of PostgreSQL's is thrown as it is.
 */
export function faultOf(error: unknown, names: KnownNames): Fault {
  if (!isServerError(error)) throw failureOf(error);
  const kind = kindOf(error);
  if (kind === 'transient' || kind === 'restart') throw failureOf(error);
  return { kind, sqlstate: error.code ?? '', reason: reasonOf(error, names), message: messageOf(error) };
}

/** Whether the server has answered with an error. By its shape: the application's connection may be of another copy of `pg` than ours, or no `pg` at all. */
export function isServerError(error: unknown): error is pg.DatabaseError {
  if (error instanceof pg.DatabaseError) return true;
  const { code, severity } = error instanceof Error ? (error as Partial<pg.DatabaseError>) : {};
  return typeof severity === 'string' && typeof code === 'string' && /^[\dA-Z]{5}$/.test(code);
}

/** The failure of a whole transaction that an error means. */
export function failureOf(error: unknown): Error {
  if (error instanceof SinkFailure || error instanceof SpillwayError) return error;
  if (isServerError(error)) {
    const kind = classify(error.code);
    const text = `PostgreSQL refused the transaction: ${reasonOf(error)}`;
    return kind === 'transient'
      ? new SinkDown(text, error.code, { cause: error })
      : new SinkRestart(text, error.code, { cause: error });
  }
  if (isConnectionError(error))
    return new SinkDown(`PostgreSQL cannot be reached: ${error.message}`, undefined, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** An answer to COMMIT that is an error means that nothing was written; no answer, or one by a dying server, means nothing. */
export function commitFailureOf(error: unknown): Error {
  const failure = failureOf(error);
  if (!(failure instanceof SinkDown)) return failure;
  return new CommitUnknown(
    `COMMIT was not answered, so only the ledger knows whether it happened: ${failure.message}`,
    failure.sqlstate,
    { cause: failure },
  );
}

/** A policy's `with check` is refused with the code of a missing right, though one row is at fault; only the server's routine tells them apart. */
function kindOf(error: pg.DatabaseError): FaultKind {
  return error.code === '42501' && error.routine === 'ExecWithCheckOptions' ? 'row' : classify(error.code);
}

/** `pg` reports a lost connection or a time-out as a plain `Error`; mistakes in our own code are of other classes. */
function isConnectionError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    !(
      error instanceof TypeError ||
      error instanceof RangeError ||
      error instanceof SyntaxError ||
      error instanceof ReferenceError
    )
  );
}
