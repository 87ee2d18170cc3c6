import type { DatabaseState } from '../sink-failure.js';

/**
 * What an error is about that a statement has answered, on a connection that lives.
 *
 * - `row`: something about one record, or a function that refuses it; the others can be written. Everything that is
 *   not named
 * - `table`: the statement itself cannot be run: the table, a column or a right is missing; no record is to blame
 * - `around`: what the statement needs besides its table: disk, memory, another server, what a function reads. Others
 *   may be written; no record is to blame
 * - `limit`: our own statement was too large or took too long
 * - `locked`: somebody holds a lock on a row
 * - `restart`: the whole transaction has to be run again
 */
export type FaultKind = 'row' | 'table' | 'around' | 'limit' | 'locked' | 'restart';

/**
 * Where an error comes from.
 *
 * - `raised`: a function says so by itself, whatever code it names
 * - `function`: met inside a function that the statement has called, such as a trigger
 * - `statement`: anything else
 */
export type FaultOrigin = 'raised' | 'function' | 'statement';

/** Whole codes go before their class. */
const CODES: Readonly<Record<string, FaultKind>> = {
  '25006': 'around',
  '40001': 'restart',
  '40P01': 'restart',
  // A codec's mistake (the value's type is not the column's) is named like a missing column, but belongs to one value.
  '42804': 'row',
  // Types with a grammar of their own (tsquery, ltree) call a value with a mistake in it a syntax error, or a name
  // that is too long. Our statements have none.
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
 * Total: what is not named is about a row, which its attempts bound. A trigger may raise any code, those of outages
 * too, so a code alone never says that the server is down. Only "run it again" is taken at its word, for a while.
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
 * The state in which a server answers with this code whatever it is asked; nothing if the code says nothing of that.
 * Only for statements that no function of the application can take part in.
 */
export function stateOf(sqlstate: string): DatabaseState | undefined {
  return lookUp(STATES, sqlstate) ?? lookUp(STATES_OF_CLASSES, sqlstate.slice(0, 2));
}

function lookUp<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
