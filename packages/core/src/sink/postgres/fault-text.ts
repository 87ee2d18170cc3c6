import type pg from 'pg';
import type { KnownNames } from './known-names.js';

/**
 * The part of PostgreSQL's error that messages may show: its SQLSTATE, the code's meaning, and names that the metadata
 * knows. All other text of the server may hold a value: the server quotes what it refuses, and a trigger sets the
 * message and every name as it likes (`raise … using constraint = new.name`).
 *
 * @param told `names`: those that may be shown, absent if the error is not about rows. `isRaised`: a function has
 * raised the error, and chosen its code
 */
export function reasonOf(
  error: pg.DatabaseError,
  { names, isRaised = false }: { readonly names?: KnownNames; readonly isRaised?: boolean } = {},
): string {
  const code = error.code ?? '';
  return `SQLSTATE ${code}: ${isRaised ? RAISED : meaningOf(code)}${names ? namesIn(error, names) : ''}`;
}

/** A longer message quotes a value as a whole. */
const LONGEST = 2_000;

/** PostgreSQL's full message, which may quote values. Only for the dead letter, which has them anyway. */
export function messageOf({ message, detail, hint }: pg.DatabaseError): string {
  const parts = [message, detail && `DETAIL: ${detail}`, hint && `HINT: ${hint}`].filter((part) => part);
  const whole = parts.join(' ');
  return whole.length > LONGEST ? `${whole.slice(0, LONGEST)}…` : whole;
}

/** The meanings of classes, used where the code has none of its own in `CODES`. */
const CLASSES: Readonly<Record<string, string>> = {
  '08': 'the connection has failed',
  '22': 'a value does not fit its column',
  '23': 'a constraint is violated',
  '28': 'the login is refused',
  '42': 'a name, a type or a right is not as the statement needs it',
  '53': 'the server has run out of something',
  '54': 'a limit of the server is exceeded',
  '57': 'the server gives the statement up',
  '58': "an error of the server's system",
  XX: 'an internal error of the server',
};

const RAISED = 'a trigger or function refuses the row';

const CODES: Readonly<Record<string, string>> = {
  '0A000': 'PostgreSQL cannot do this with the table, such as inserting where a rule rewrites the insert',
  '23502': 'a value is missing (not null)',
  '23503': 'a foreign key has no target, or is still a target',
  '23505': 'a unique value is taken',
  '23514': 'a check is violated',
  '23P01': 'an exclusion is violated',
  '25006': 'the transaction only reads, as on a standby',
  '28P01': 'the password is wrong',
  '3D000': 'the database does not exist',
  '40001': 'the transaction has met another one',
  '40P01': 'a deadlock was found',
  '42501': 'a right is missing, or a row level policy refuses the row',
  '42703': 'a column does not exist',
  '42804': 'a value has another type than its column',
  '42883': 'a function or an operator does not exist',
  '42P01': 'a table does not exist',
  '42P10': 'the primary key of the entity is no primary key or unique constraint of the table',
  '53100': 'the disk is full',
  '53200': 'the server is out of memory',
  '53300': 'there are too many connections',
  '55000': 'the table is not in a state for this, such as published without a replica identity',
  '55P03': 'a row is locked by somebody else',
  '57014': 'the statement was cancelled or timed out',
  '57P01': 'the server is being stopped',
  '57P02': 'the server has crashed',
  '57P03': 'the server is starting or stopping',
  P0001: RAISED,
};

function meaningOf(code: string): string {
  return lookUp(CODES, code) ?? lookUp(CLASSES, code.slice(0, 2)) ?? 'the statement is refused';
}

function lookUp(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** The known names in the fields of the error, and known columns in its message, where a name is the fault. */
function namesIn(
  { constraint, column, schema, table, message, code = '' }: pg.DatabaseError,
  names: KnownNames,
): string {
  const inMessage = code.startsWith('42') && column === undefined ? names.columnsIn(message) : [];
  const known = names.tableAs(schema, table);
  return [
    names.hasConstraint(constraint) ? ` by constraint "${constraint}"` : '',
    names.hasColumn(column) ? ` in column "${column}"` : '',
    known === undefined ? '' : ` of table ${known}`,
    inMessage.length === 0 ? '' : ` (it names ${inMessage.map((name) => `"${name}"`).join(', ')})`,
  ].join('');
}
