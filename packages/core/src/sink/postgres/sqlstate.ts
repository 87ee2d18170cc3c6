import type { DatabaseState } from '../sink-failure.js';

/**
 * The subject of an error that a statement has answered, on a connection that lives.
 *
 * - `row`: one record, or a function that refuses it; the others can be written. All codes that are not named
 * - `table`: the statement cannot run at all: the table, a column or a right is missing; no record is to blame
 * - `around`: something that the statement needs besides its table: disk, memory, another server, what a function
 *   reads. Other statements may succeed; no record is to blame
 * - `limit`: our own statement was too large or took too long
 * - `locked`: another transaction holds a lock on a row
 * - `restart`: the whole transaction has to be run again
 */
export type FaultKind = 'row' | 'table' | 'around' | 'limit' | 'locked' | 'restart';

/**
 * The origin of an error.
 *
 * - `raised`: a function has raised it itself, with whatever code
 * - `function`: met inside a function that the statement has called, such as a trigger
 * - `statement`: anything else
 */
export type FaultOrigin = 'raised' | 'function' | 'statement';

/** A whole code has precedence over its class. */
const CODES: Readonly<Record<string, FaultKind>> = {
  '25006': 'around',
  '40001': 'restart',
  '40P01': 'restart',
  // A codec's mistake (the value's type is not the column's) has a code of the class of missing columns, but belongs to
  // one value.
  '42804': 'row',
  // Types with a grammar of their own (tsquery, ltree) report a mistake in a value as a syntax error, or as a name that
  // is too long. Our statements have neither.
  '42601': 'row',
  '42622': 'row',
  '55P03': 'locked',
  '57014': 'limit',
  XX001: 'around',
  XX002: 'around',
};

const CLASSES: Readonly<Record<string, FaultKind>> = {
  '08': 'around',
  '0A': 'around',
  '3F': 'table',
  '42': 'table',
  '53': 'around',
  '54': 'limit',
  '55': 'around',
  '57': 'around',
  '58': 'around',
  HV: 'around',
};

/**
 * Total: an unnamed code is about a row, and its attempts are limited. A trigger may raise any code, those of outages
 * too, so a code alone never means that the server is down. Only a request to run the transaction again is trusted, for
 * a while.
 */
export function classify(sqlstate: string, origin: FaultOrigin): FaultKind {
  const kind = lookUp(CODES, sqlstate);
  if (kind === 'restart') return kind;
  if (origin === 'raised') return 'row';
  if (kind !== undefined) return kind;
  const ofClass = lookUp(CLASSES, sqlstate.slice(0, 2)) ?? 'row';
  // A trigger whose own table is missing may need it for some rows only.
  return ofClass === 'table' && origin === 'function' ? 'around' : ofClass;
}

const STATES: Readonly<Record<string, DatabaseState>> = {
  '25006': 'read-only',
  '53000': 'out-of-memory',
  '53100': 'disk-full',
  '53200': 'out-of-memory',
  '53300': 'too-many-connections',
  '53400': 'out-of-memory',
  '57P01': 'stopping',
  '57P02': 'stopping',
  '57P03': 'starting',
  '57P04': 'refusing',
  '57P05': 'unreachable',
};

const STATES_OF_CLASSES: Readonly<Record<string, DatabaseState>> = {
  '08': 'unreachable',
  '28': 'refusing',
  '3D': 'refusing',
  '53': 'out-of-memory',
};

/**
 * The state in which a server answers any statement with this code, or `undefined` if the code tells none. Only for
 * statements in which no function of the application can take part.
 */
export function stateOf(sqlstate: string): DatabaseState | undefined {
  return lookUp(STATES, sqlstate) ?? lookUp(STATES_OF_CLASSES, sqlstate.slice(0, 2));
}

function lookUp<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
