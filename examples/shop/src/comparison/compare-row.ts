import type { RowHistory } from './row-history.js';
import { lost, twice, type Finding } from './verdict.js';

/** A row as it is in the database. */
export interface StoredRow {
  /** 1 in a table without versions. */
  readonly version: number;
  /** The counter; 0 in a table without one. */
  readonly views: number;
  /** Column -> value as PostgreSQL prints it. */
  readonly values: Readonly<Record<string, string>>;
}

/** Holds what one row was promised against what is stored of it. */
export function compareRow(history: RowHistory, stored: readonly StoredRow[]): readonly Finding[] {
  const [row, ...doubles] = stored;
  if (row === undefined) return history.mayBeDeleted ? [] : missing(history);
  return [...doubles.map(() => twice(1, 'is there more than once')), ...comparePresent(history, row)];
}

function missing({ acknowledged: { length } }: RowHistory): readonly Finding[] {
  return length === 0 ? [] : [lost(length, `is not there, with ${length} acknowledged changes`)];
}

function comparePresent(history: RowHistory, row: StoredRow): readonly Finding[] {
  if (history.wasDeleted) return [lost(1, 'is still there, though it was deleted')];
  if (!history.mayBeInserted) return [twice(1, 'is there, and nobody wrote it')];
  return [
    ...compareCounter(history, row),
    ...acknowledgedVersionsMissing(history, row),
    ...versionsMadeByNobody(history, row),
    ...compareValues(history, row),
  ];
}

function compareCounter({ counts: { min, max } }: RowHistory, { views }: StoredRow): readonly Finding[] {
  if (views < min) return [lost(min - views, `has ${views} views, and ${min} were acknowledged`)];
  if (views > max) return [twice(views - max, `has ${views} views, and at most ${max} were counted`)];
  return [];
}

function acknowledgedVersionsMissing(history: RowHistory, { version }: StoredRow): readonly Finding[] {
  return [...history.acknowledgedMakers].flatMap(([made, changes]) => {
    if (made > version) return [lost(changes.length, `has version ${version}, and ${made} was acknowledged`)];
    // Only one of them can have found the version before it: the others were overwritten unseen.
    if (changes.length > 1)
      return [lost(changes.length - 1, `had version ${made} acknowledged ${changes.length} times`)];
    return [];
  });
}

/** Versions are given one by one, so every version up to the row's own was made by a change that is in a journal. */
function versionsMadeByNobody(history: RowHistory, { version }: StoredRow): readonly Finding[] {
  const made = Array.from({ length: version }, (_, index) => index + 1);
  const byNobody = made.filter((candidate) => history.makersOf(candidate).length === 0);
  return byNobody.map((candidate) => twice(1, `had version ${candidate}, and nobody made it`));
}

/** A column holds what the last change has set that is contained in the row's version. */
function compareValues(history: RowHistory, row: StoredRow): readonly Finding[] {
  const wrong = Object.entries(row.values).flatMap(([column, value]) => {
    const { allowed, made } = lastSet(history, column, row.version);
    if (allowed.size === 0 || allowed.has(value)) return [];
    return [{ made, what: `${column} = ${value} instead of ${[...allowed].join(' or ')}` }];
  });
  const byChange = Map.groupBy(wrong, ({ made }) => made);
  return [...byChange.values()].map((columns) => lost(1, `has ${columns.map(({ what }) => what).join(', ')}`));
}

/**
 * Usually one value, and the version that it came with. Several if it is in doubt which change made a version, none if
 * nobody knows: the key of a row whose insert is in doubt.
 */
function lastSet(history: RowHistory, column: string, version: number): { allowed: Set<string>; made: number } {
  const allowed = new Set<string>();
  for (let made = version; made >= 1; made -= 1) {
    const values = history.makersOf(made).map((change) => change.values[column]);
    for (const value of values) if (value !== undefined) allowed.add(value);
    if (values.length > 0 && !values.includes(undefined)) return { allowed, made };
  }
  return { allowed, made: 0 };
}
