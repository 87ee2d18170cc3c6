import { makesMissing, type RecordKind } from '../../../change/record.js';
import type { Outcome } from '../../../change/outcome.js';
import { asInsert, type Item } from '../plan/item.js';
import { statementShape } from '../plan/plan.js';
import type { Session } from '../session.js';
import { versionFormat, type WallTime } from '../sql/version-format.js';
import { readDatabaseRows, type DatabaseRow } from './database-row.js';
import { notWritable, buriedAs, stagingLoss, type Outcomes } from './outcomes.js';
import { decideConflicts } from './decide-conflicts.js';
import { writeRows, writtenAs } from './write-rows.js';

/** How often another transaction may make or delete a row between two statements. */
const ROUNDS = 5;

/**
 * Reads and locks the rows that a statement did not write, and tells them apart: missing, changed (a conflict), or as
 * expected and still not written. A record that makes its missing row is written again if another transaction has made
 * the row meanwhile. All items are of one statement group.
 */
export async function decideMissing(
  session: Session,
  items: readonly Item[],
  outcomes: Outcomes,
  wallTime: WallTime,
  round = 1,
): Promise<void> {
  const rows = await readDatabaseRows(session, items, wallTime);
  const conflicts = new Map<Item, DatabaseRow>();
  const absent: Item[] = [];
  const come: Item[] = [];
  for (const item of items) {
    const row = rows.get(item);
    if (row === undefined) decideAbsent(item, outcomes, absent);
    else if (item.record.kind === 'insert') outcomes.set(item, existing(item, row));
    else if (makesMissing(item.record) && row.asExpected) come.push(item);
    else if (item.record.kind === 'upsert' || row.asExpected) outcomes.set(item, notWritable(item));
    else conflicts.set(item, row);
  }
  // These rows are locked now, and stay.
  if (come.length > 0) await writeAll(session, come[0]?.record.kind ?? 'update', come, outcomes, wallTime);
  const again = absent.length > 0 ? await insertAbsent(session, absent, outcomes, wallTime) : [];
  if (conflicts.size > 0) await decideConflicts(session, conflicts, outcomes, wallTime);
  if (again.length === 0) return;
  if (round < ROUNDS) return decideMissing(session, again, outcomes, wallTime, round + 1);
  // Neither found nor made. A trigger or a policy in the way is likelier than a row that comes and goes so often.
  for (const item of again) outcomes.set(item, notWritable(item));
}

/**
 * A delete has its result. A replacement is a whole row, so it can be inserted. An update or an increment becomes a
 * dead letter: an increment that vanishes would be a silent loss.
 */
function decideAbsent(item: Item, outcomes: Outcomes, toInsert: Item[]): void {
  const { record } = item;
  if (makesMissing(record)) {
    // The row may have been made, and deleted since.
    if (record.doubtful) outcomes.set(item, stagingLoss(undefined));
    else toInsert.push(item);
    return;
  }
  if (record.missing === 'drop') {
    outcomes.set(item, { kind: 'superseded' });
    return;
  }
  switch (record.kind) {
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
        buriedAs(
          'ROW_MISSING',
          `There is no row of ${item.table.entity} with this key: it was deleted, or never inserted.`,
        ),
      );
  }
}

/** Answers the items whose row another transaction has made meanwhile. */
async function insertAbsent(
  session: Session,
  items: readonly Item[],
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<Item[]> {
  const again: Item[] = [];
  const inserts = new Map(items.map((item) => [asInsert(item), item]));
  for (const shape of Map.groupBy(inserts.keys(), ({ record }) => statementShape(record)).values()) {
    const returned = await writeRows(session, 'insert', shape, wallTime);
    for (const insert of shape) {
      const item = inserts.get(insert) ?? insert;
      const version = returned.get(insert);
      if (version === undefined && makesMissing(item.record)) again.push(item);
      else note(outcomes, item, insert, version, wallTime);
    }
  }
  return again;
}

async function writeAll(
  session: Session,
  kind: RecordKind,
  items: readonly Item[],
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<void> {
  const returned = await writeRows(session, kind, items, wallTime);
  for (const item of items) note(outcomes, item, item, returned.get(item), wallTime);
}

/**
 * @param written the item as it was written
 * @param version the row's version now; `undefined`: the item was not written
 */
function note(
  outcomes: Outcomes,
  item: Item,
  written: Item,
  version: string | null | undefined,
  wallTime: WallTime,
): void {
  const outcome =
    version === undefined ? notWritable(item) : writtenAs(written, version, versionFormat(item.table, wallTime));
  if (outcome !== undefined) outcomes.set(item, outcome);
}

/** It is unknown whose row this is (a sequence may repeat after a restore), so no strategy may write over it. */
function existing({ record, table }: Item, row: DatabaseRow): Outcome {
  if (record.doubtful) return stagingLoss(row.version);
  return buriedAs('ROW_EXISTS', `${table.entity} has a row with this primary key already.`, row.version);
}
