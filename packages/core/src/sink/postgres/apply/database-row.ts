import type { VersionText } from '../../../change/change.js';
import { CONFLICT } from '../../../change/record.js';
import type { RowConflict } from '../../../conflict/strategy.js';
import type { Item } from '../plan/item.js';
import type { Cell, Session } from '../session.js';
import { readRows, type ReadStatement } from '../sql/read-rows.js';
import { versionFormat, type WallTime } from '../sql/version-format.js';

/** A locked row as the database has it, compared with the record that could not be written onto it. */
export interface DatabaseRow {
  readonly version?: VersionText;
  readonly theirs: Readonly<Record<string, string>>;
  /** Properties of the record's originals that have another value now. */
  readonly changed: ReadonlySet<string>;
  /** Properties that have the value that the record wants. */
  readonly agreed: ReadonlySet<string>;
  /** Moments set by `onUpdate` for which the database has a later value than the record. */
  readonly later: ReadonlySet<string>;
  /** The row is as the record expects, so the record can be written. */
  readonly asExpected: boolean;
}

/**
 * Reads and locks (or only looks at) the rows of these items, which are of one table. A row that does not exist is not
 * in the answer.
 */
export async function readDatabaseRows(
  session: Session,
  items: readonly Item[],
  wallTime: WallTime,
  locks: 'lock' | 'look' = 'lock',
): Promise<ReadonlyMap<Item, DatabaseRow>> {
  const found = new Map<Item, DatabaseRow>();
  const table = items[0]?.table;
  if (table === undefined) return found;
  const statement = readRows(table, items, versionFormat(table, wallTime), locks);
  for (const cells of await session.rows(statement.text, [statement.json])) {
    const item = items[Number(cells[0])];
    if (item !== undefined) found.set(item, databaseRow(item, cells, statement, wallTime));
  }
  return found;
}

function databaseRow(item: Item, cells: readonly Cell[], statement: ReadStatement, wallTime: WallTime): DatabaseRow {
  const { record, table } = item;
  const format = versionFormat(table, wallTime);
  const shown = cells[1] ?? null;
  const start = 2 + statement.properties.length;
  const theirs = Object.fromEntries(
    statement.properties.map((property, position) => [property, cells[2 + position] ?? 'null']),
  );
  const changed = flagged(statement.changed, cells, start, record.originals);
  const agreed = flagged(statement.agreed, cells, start + statement.changed.length, record.values);
  const behind = start + statement.changed.length + statement.agreed.length;
  const later = flagged(statement.later, cells, behind, record.values);
  const baseShown =
    format === undefined || record.base === undefined || record.base === CONFLICT
      ? undefined
      : format.shown(record.base);
  return {
    ...(format !== undefined && shown !== null && { version: format.parse(shown) }),
    theirs,
    changed,
    agreed,
    later,
    asExpected:
      record.base !== CONFLICT &&
      (baseShown === undefined || baseShown === shown) &&
      (table.detect !== 'changed-properties' || changed.size === 0),
  };
}

/** The set flags of properties that this record has. The statement's other flags are about other records. */
function flagged(
  properties: readonly string[],
  cells: readonly Cell[],
  start: number,
  has: Readonly<Record<string, string>>,
): ReadonlySet<string> {
  return new Set(
    properties.filter((property, position) => cells[start + position] === 't' && Object.hasOwn(has, property)),
  );
}

export function rowConflict({ record, rowKey }: Item, row: DatabaseRow): RowConflict {
  return {
    rowKey,
    base: record.originals,
    ours: record.values,
    theirs: row.theirs,
    changed: [...row.changed],
    attempt: record.attempts,
  };
}
