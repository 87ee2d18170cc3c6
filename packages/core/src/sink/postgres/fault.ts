import pg from 'pg';
import { SpillwayError, textOf } from '../../errors.js';
import { CommitUnknown, SinkDown, SinkFailure, SinkFault, SinkRestart, type DatabaseState } from '../sink-failure.js';
import { messageOf, reasonOf } from './fault-text.js';
import type { KnownNames } from './known-names.js';
import { classify, stateOf, type FaultKind, type FaultOrigin } from './sqlstate.js';

/** An error of PostgreSQL that leaves the transaction alive. */
export interface Fault {
  readonly kind: Exclude<FaultKind, 'restart'>;
  readonly sqlstate: string;
  /** For logs and events: names, never values. */
  readonly reason: string;
  /** All that PostgreSQL said: for a dead letter, and nothing else. */
  readonly message?: string;
  /** Absent: the statement itself. */
  readonly origin?: FaultOrigin;
}

export interface FaultContext {
  /** Those that may be told. */
  readonly names: KnownNames;
  /** Whether the transaction may be run again because of it; otherwise whatever asks for that is about a row. */
  readonly mayRestart: boolean;
}

export const FOREIGN_KEY = '23503';
export const TIMED_OUT = '57014';
/** What an `on conflict` is refused with that names a key which is checked late. Also other things are. */
export const NOT_IN_STATE = '55000';

/**
 * What the error of a statement means that writes rows.
 * @throws SinkDown, SinkRestart: what no record is to be blamed for. Whatever is no error of PostgreSQL's is thrown
 * as it is.
 */
export function faultOf(error: unknown, { names, mayRestart }: FaultContext): Fault {
  if (!isServerError(error) || endsConnection(error)) throw failureOf(error);
  const kind = kindOf(error);
  if (kind === 'restart' && mayRestart) throw failureOf(error);
  const origin = originOf(error);
  const reason = reasonOf(error, { names, isRaised: origin === 'raised' });
  const message = messageOf(error);
  return { kind: kind === 'restart' ? 'row' : kind, sqlstate: error.code ?? '', reason, message, origin };
}

/**
 * Whether the server has answered with an error. By its shape: the application's connection may be of another copy of
 * `pg` than ours, or no `pg` at all.
 */
export function isServerError(error: unknown): error is pg.DatabaseError {
  if (error instanceof pg.DatabaseError) return true;
  const { code, severity } = error instanceof Error ? (error as Partial<pg.DatabaseError>) : {};
  return typeof severity === 'string' && typeof code === 'string' && /^[\dA-Z]{5}$/.test(code);
}

/** The failure of a whole transaction that an error means. */
export function failureOf(error: unknown): Error {
  if (error instanceof SinkFailure || error instanceof SpillwayError) return error;
  if (isServerError(error)) {
    const state = stateOf(error.code ?? '') ?? (endsConnection(error) ? 'unreachable' : undefined);
    return state === undefined ? refusalOf(error) : downOf(state, error);
  }
  if (isConnectionError(error))
    return new SinkDown(`PostgreSQL cannot be reached: ${saidBy(error)}`, 'unreachable', undefined, { cause: error });
  return error instanceof Error ? error : new Error(textOf(error));
}

/** Why no connection could be opened: whatever the server has answered, it lets nobody in. */
export function connectFailureOf(error: unknown): Error {
  if (!isServerError(error)) return failureOf(error);
  return downOf(stateOf(error.code ?? '') ?? 'refusing', error, refusalIn(error));
}

/** A sentence of PostgreSQL's that says why it refuses a connection, is no longer than this. */
const LONGEST_REFUSAL = 300;

/**
 * Which database, role or host the server refuses: in its own words, for it says so before there is a connection, so no
 * row and no function of the application has a part in it.
 */
function refusalIn(error: pg.DatabaseError): string | undefined {
  if (!endsConnection(error)) return undefined;
  const [sentence = ''] = error.message.split('\n');
  return sentence.length > LONGEST_REFUSAL ? `${sentence.slice(0, LONGEST_REFUSAL)}…` : sentence;
}

/** Node tries all addresses of a name, and says of each why it failed, but nothing of all. */
function saidBy(error: Error): string {
  const each: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return error.message === '' ? each.map(textOf).join('; ') : error.message;
}

/**
 * A hook for connections is the application's own code: its failure is told as such, and the connection is not used.
 */
export function hookFailureOf(hook: string, error: unknown): SinkDown {
  const sqlstate = isServerError(error) ? error.code : undefined;
  return new SinkDown(
    `${hook} of the ORM has failed on a connection of Spillway's: ${textOf(error)}`,
    stateOf(sqlstate ?? '') ?? 'refusing',
    sqlstate,
    { cause: error },
  );
}

/**
 * What an error means that Spillway's own statements have met: a server in recovery does not support a transaction
 * that writes.
 */
export function ownFailureOf(error: unknown): Error {
  return isServerError(error) && error.code === '0A000' ? downOf('read-only', error) : failureOf(error);
}

/**
 * An answer to COMMIT that is an error means that nothing was written; no answer, or one by a dying server, means
 * nothing.
 */
export function commitFailureOf(error: unknown): Error {
  const failure = failureOf(error);
  if (!(failure instanceof SinkDown)) return failure;
  return new CommitUnknown(
    `COMMIT was not answered, so only the ledger knows whether it happened: ${failure.message}`,
    failure.state,
    failure.sqlstate,
    { cause: failure },
  );
}

function refusalOf(error: pg.DatabaseError): SinkFailure {
  const kind = kindOf(error);
  const isPassing = kind === 'restart' || kind === 'locked' || kind === 'limit' || error.code === OURS_TWICE;
  const Failure = isPassing ? SinkRestart : SinkFault;
  const reason = reasonOf(error, { isRaised: originOf(error) === 'raised' });
  return new Failure(`PostgreSQL refused the transaction: ${reason}`, error.code, { cause: error });
}

/** A ledger row that is there already: somebody else has written the batch meanwhile. */
const OURS_TWICE = '23505';

function downOf(state: DatabaseState, error: pg.DatabaseError, sentence?: string): SinkDown {
  const code = `SQLSTATE ${error.code}`;
  const said = sentence === undefined ? code : `${sentence} (${code})`;
  return new SinkDown(`${DOWN[state]}: ${said}`, state, error.code, { cause: error });
}

const DOWN: Readonly<Record<DatabaseState, string>> = {
  unreachable: 'PostgreSQL cannot be reached',
  refusing: 'PostgreSQL refuses the connection',
  starting: 'PostgreSQL is starting',
  stopping: 'PostgreSQL is stopping',
  'too-many-connections': 'PostgreSQL has no connection left',
  'disk-full': 'The disk of PostgreSQL is full',
  'out-of-memory': 'PostgreSQL is out of memory',
  'read-only': 'PostgreSQL takes no writes',
};

/** The word is translated in some languages of a server; there, the next statement tells. */
function endsConnection({ severity }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC';
}

/**
 * A policy's `with check` is refused with the code of a missing right, though one row is at fault; only the server's
 * routine tells them apart.
 */
function kindOf(error: pg.DatabaseError): FaultKind {
  if (error.code === '42501' && error.routine === 'ExecWithCheckOptions') return 'row';
  return classify(error.code ?? '', originOf(error));
}

/** The routines of the server's languages in which a function raises an error by itself: PL/pgSQL and PL/Python. */
const RAISES = new Set(['exec_stmt_raise', 'PLy_output']);

function originOf({ routine, where }: pg.DatabaseError): FaultOrigin {
  if (routine !== undefined && RAISES.has(routine)) return 'raised';
  return where === undefined ? 'statement' : 'function';
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
