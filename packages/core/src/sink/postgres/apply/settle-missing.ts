import type { Outcome } from '../../../change/outcome.js';
import type { Item } from '../plan/item.js';
import type { Session } from '../session.js';
import { versionFormat, type WallTime } from '../sql/version-format.js';
import { readDatabaseRows, type DatabaseRow } from './database-row.js';
import { notWritable, overruled, stagingLoss, type Outcomes } from './outcomes.js';
import { settleConflicts } from './settle-conflicts.js';
import { writeRows, writtenAs } from './write-rows.js';

/**
 * Rows that a statement did not write are read, locked, and told apart: not there, there but changed (a conflict), or there as expected and still not written.
 * All items are of one group.
 */
export async function settleMissing(
  session: Session,
  items: readonly Item[],
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<void> {
  const rows = await readDatabaseRows(session, items, wallTime);
  const conflicts = new Map<Item, DatabaseRow>();
  const absent: Item[] = [];
  for (const item of items) {
    const row = rows.get(item);
    if (row === undefined) settleAbsent(item, outcomes, absent);
    else if (item.record.kind === 'insert') outcomes.set(item, existing(item, row));
    else if (item.record.kind === 'upsert' || row.asExpected) outcomes.set(item, notWritable(item));
    else conflicts.set(item, row);
  }
  if (absent.length > 0) await insertAbsent(session, absent, outcomes, wallTime);
  if (conflicts.size > 0) await settleConflicts(session, conflicts, outcomes, wallTime);
}

/** A delete has what it wants. A replacement is a whole row, so it can be inserted. The rest is told: an increment that vanishes would be a silent loss. */
function settleAbsent(item: Item, outcomes: Outcomes, toInsert: Item[]): void {
  switch (item.record.kind) {
    case 'delete':
      return;
    case 'replace':
      toInsert.push(item);
      return;
    case 'insert':
    case 'upsert':
      outcomes.set(item, notWritable(item));
      return;
    case 'update':
    case 'increment':
      outcomes.set(
        item,
        overruled(
          'ROW_MISSING',
          `There is no row of ${item.table.entity} with this key: it was deleted, or never inserted.`,
        ),
      );
  }
}

async function insertAbsent(
  session: Session,
  items: readonly Item[],
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<void> {
  const returned = await writeRows(session, 'insert', items, wallTime);
  for (const item of items) {
    const version = returned.get(item);
    const outcome =
      version === undefined ? notWritable(item) : writtenAs(item, version, versionFormat(item.table, wallTime));
    if (outcome !== undefined) outcomes.set(item, outcome);
  }
}

/** Whose row it is nobody can say (a sequence that repeats after a restore), so no strategy may write over it. */
function existing({ record, table }: Item, row: DatabaseRow): Outcome {
  if (record.doubtful) return stagingLoss(row.version);
  return overruled('ROW_EXISTS', `${table.entity} has a row with this primary key already.`, row.version);
}
