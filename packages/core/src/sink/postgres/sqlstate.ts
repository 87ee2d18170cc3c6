/**
 * What an error of PostgreSQL is about.
 *
 * - `row`: a value of one record; the others can be written
 * - `table`: the table, a column or a right is missing; no record is to blame
 * - `limit`: our own statement was too large or took too long
 * - `locked`: somebody holds a lock on a row
 * - `restart`: the whole transaction has to be run again
 * - `transient`: everything that is not named; PostgreSQL is not well, or going away
 */
export type FaultKind = 'row' | 'table' | 'limit' | 'locked' | 'restart' | 'transient';

/** Whole codes go before their class. */
const CODES: Readonly<Record<string, FaultKind>> = {
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
  P0001: 'row',
};

/**
 * 21 is one row named twice in one statement (two row keys that the key's type takes for the same): bisecting parts them.
 */
const CLASSES: Readonly<Record<string, FaultKind>> = {
  '21': 'row',
  '22': 'row',
  '23': 'row',
  '44': 'row',
  '42': 'table',
  '54': 'limit',
};

/** Total: what is not named is transient. */
export function classify(sqlstate: string | undefined): FaultKind {
  if (sqlstate === undefined || sqlstate.length !== 5) return 'transient';
  return lookUp(CODES, sqlstate) ?? lookUp(CLASSES, sqlstate.slice(0, 2)) ?? 'transient';
}

function lookUp(table: Readonly<Record<string, FaultKind>>, key: string): FaultKind | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
