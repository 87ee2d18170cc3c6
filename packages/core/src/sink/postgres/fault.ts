import pg from 'pg';
import { SpillwayError } from '../../errors.js';
import { CommitUnknown, SinkDown, SinkFailure, SinkRestart } from '../sink-failure.js';
import { classify, type FaultKind } from './sqlstate.js';

/** An error of PostgreSQL that leaves the transaction alive, reduced to what may be written down: names, never values. */
export interface Fault {
  readonly kind: Exclude<FaultKind, 'transient' | 'restart'>;
  readonly sqlstate: string;
  readonly reason: string;
  /** A function of the database has raised it, perhaps a trigger that looks at other rows. */
  readonly isRaised?: boolean;
}

export const FOREIGN_KEY = '23503';
export const TIMED_OUT = '57014';

/** @throws SinkDown, SinkRestart: what no record is to be blamed for. Whatever is no error of PostgreSQL's is thrown as it is. */
export function faultOf(error: unknown): Fault {
  if (!isServerError(error)) throw failureOf(error);
  const kind = kindOf(error);
  if (kind === 'transient' || kind === 'restart') throw failureOf(error);
  return { kind, sqlstate: error.code ?? '', reason: reasonOf(error), isRaised: error.routine === RAISE };
}

/** The server's routine that runs `raise` of PL/pgSQL. */
const RAISE = 'exec_stmt_raise';

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
    { cause: error },
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

const MEANING: Readonly<Record<string, string>> = {
  '23502': 'a value is missing (not null)',
  '23503': 'a foreign key has no target, or is still a target',
  '23505': 'a unique value is taken',
  '23514': 'a check is violated',
  '23P01': 'an exclusion is violated',
  '42501': 'a right is missing, or a row level policy refuses the row',
  '42703': 'a column does not exist',
  '42P01': 'a table does not exist',
  '55P03': 'a row is locked by somebody else',
  '57014': 'the statement was cancelled or timed out',
  P0001: 'a trigger or function refuses the row',
};

/** The server's own message would be clearer, but it quotes values. For what concerns a whole table it quotes names only. */
function reasonOf(error: pg.DatabaseError): string {
  const code = error.code ?? '';
  const where = [
    error.constraint === undefined ? '' : ` by constraint "${error.constraint}"`,
    error.column === undefined ? '' : ` in column "${error.column}"`,
    error.table === undefined ? '' : ` of table "${error.schema ?? ''}"."${error.table}"`,
  ].join('');
  const meaning = Object.hasOwn(MEANING, code)
    ? MEANING[code]
    : code.startsWith('22')
      ? 'a value does not fit its column'
      : 'the statement is refused';
  const message = kindOf(error) === 'table' ? `: ${error.message}` : '';
  return `SQLSTATE ${code}: ${meaning}${where}${message}`;
}
