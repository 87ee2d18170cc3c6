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
  /** PostgreSQL's full message: for a dead letter only. */
  readonly message?: string;
  /** Absent: the statement itself. */
  readonly origin?: FaultOrigin;
}

export interface FaultContext {
  /** Names that messages may show. */
  readonly names: KnownNames;
  /** The transaction may be run again because of the error. If not, an error that asks for it counts as a row's. */
  readonly mayRestart: boolean;
}

export const FOREIGN_KEY = '23503';
export const TIMED_OUT = '57014';
/** The code for an `on conflict` that names a deferrable key. Other errors have it too. */
export const NOT_IN_STATE = '55000';

/**
 * The fault that the error of a statement means which writes rows.
 * @throws SinkDown, SinkRestart: a failure that no record is to blame for. An error that is not PostgreSQL's is thrown
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
 * True if the server has answered with an error. Decided by the error's shape: the application's connection may come
 * from another copy of `pg`, or not from `pg` at all.
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

/** The failure of an attempt to connect: the server lets no client in, whatever it has answered. */
export function connectFailureOf(error: unknown): Error {
  if (!isServerError(error)) return failureOf(error);
  return downOf(stateOf(error.code ?? '') ?? 'refusing', error, refusalIn(error));
}

/** The longest part that is shown of PostgreSQL's sentence about a refused connection. */
const LONGEST_REFUSAL = 300;

/**
 * Says which database, role or host the server refuses, in the server's own words. It says so before there is a
 * connection, so the sentence contains no row and no text of a function.
 */
function refusalIn(error: pg.DatabaseError): string | undefined {
  if (!endsConnection(error)) return undefined;
  const [sentence = ''] = error.message.split('\n');
  return sentence.length > LONGEST_REFUSAL ? `${sentence.slice(0, LONGEST_REFUSAL)}…` : sentence;
}

/** Node tries all addresses of a name, and reports a reason for each, but none for all. */
function saidBy(error: Error): string {
  const each: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return error.message === '' ? each.map(textOf).join('; ') : error.message;
}

/** The failure of a hook for connections, which is the application's own code. The connection is not used. */
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
 * The failure for an error of Spillway's own statements: a server in recovery answers that it does not support a
 * transaction that writes.
 */
export function ownFailureOf(error: unknown): Error {
  return isServerError(error) && error.code === '0A000' ? downOf('read-only', error) : failureOf(error);
}

/**
 * The failure of a COMMIT. If the answer is an error, nothing was written. Without an answer, or with one of a dying
 * server, the result is unknown.
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

/** The ledger row exists already: another transaction has written the batch meanwhile. */
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

/** Some languages of a server translate the word. There, the next statement fails instead. */
function endsConnection({ severity }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC';
}

/**
 * A row refused by a policy's `with check` has the code of a missing right. Only the name of the server's routine tells
 * them apart.
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

/** `pg` reports a lost connection or a time-out as a plain `Error`. Mistakes in our own code have other classes. */
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
