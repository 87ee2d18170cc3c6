import { makesMissing, CONFLICT } from '../../../change/record.js';
import type { Item } from '../plan/item.js';
import type { StatementGroup } from '../plan/plan.js';
import type { Session } from '../session.js';
import type { Statement } from '../sql/record-set.js';
import { versionFormat, type WallTime } from '../sql/version-format.js';
import type { Outcomes } from './outcomes.js';
import { decideMissing } from './decide-missing.js';
import { writeRows, writtenAs } from './write-rows.js';

/**
 * Writes one statement group, then decides about the rows that the statement left out. Rejects with the error of
 * PostgreSQL. The caller then rolls back to its savepoint, and drops the outcomes.
 *
 * @param statement writes exactly the items of the statement group, where it was made in advance
 */
export async function executeGroup(
  session: Session,
  group: StatementGroup,
  wallTime: WallTime,
  statement?: Statement,
): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const fresh = group.items.filter(takesOneStatement);
  const returned = await writeRows(session, group.kind, fresh, wallTime, statement);
  const format = versionFormat(group.table, wallTime);
  for (const [item, version] of returned) {
    const outcome = writtenAs(item, version, format);
    if (outcome !== undefined) outcomes.set(item, outcome);
  }
  const missing = group.items.filter((item) => !returned.has(item));
  if (missing.length > 0) await decideMissing(session, missing, outcomes, wallTime);
  return outcomes;
}

/** False for a row that has to be looked at before it is written. */
export function takesOneStatement(item: Item): boolean {
  return !isOverruled(item) && !isMadeOtherwise(item);
}

/** An upsert that gives a new row more values than an existing one. One statement cannot do both. */
function isMadeOtherwise({ record }: Item): boolean {
  return record.kind === 'upsert' && makesMissing(record);
}

/**
 * The base of an earlier record of the row was overruled, so this record is a conflict, whatever the row's version is.
 * Inserts and upserts have no base.
 */
function isOverruled({ record }: Item): boolean {
  return (
    record.base === CONFLICT && (record.kind === 'update' || record.kind === 'replace' || record.kind === 'delete')
  );
}
