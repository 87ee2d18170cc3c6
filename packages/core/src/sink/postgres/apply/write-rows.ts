import type { Outcome } from '../../../change/outcome.js';
import type { Deltas } from '../../../change/change.js';
import type { RecordKind } from '../../../change/record.js';
import { bareDeltas, withRecord, type Item } from '../plan/item.js';
import type { Session } from '../session.js';
import { deleteRows } from '../sql/delete-rows.js';
import { insertRows, upsertRows } from '../sql/insert-rows.js';
import type { Statement } from '../sql/record-set.js';
import { replaceRows } from '../sql/replace-rows.js';
import { updateRows } from '../sql/update-rows.js';
import { versionFormat, type VersionFormat, type WallTime } from '../sql/version-format.js';
import type { Table } from '../../table.js';

const STATEMENT: Readonly<
  Record<RecordKind, (table: Table, items: readonly Item[], format: VersionFormat | undefined) => Statement>
> = {
  insert: insertRows,
  upsert: upsertRows,
  replace: replaceRows,
  update: updateRows,
  increment: updateRows,
  delete: deleteRows,
};

/** The rows that were written, each with the text of the version that it has now. */
export type Returned = ReadonlyMap<Item, string | null>;

/**
 * Writes rows of one table that a single statement can take. A statement that makes whole rows cannot add to a column's
 * default, so differences of counters without a value follow in a second statement.
 */
export async function writeRows(
  session: Session,
  kind: RecordKind,
  items: readonly Item[],
  wallTime: WallTime,
  statement?: Statement,
): Promise<Returned> {
  if (items.length === 0) return new Map();
  const { text, json } = statement ?? statementOf(kind, items, wallTime);
  const returned = new Map<Item, string | null>();
  for (const [position, version] of await session.rows(text, [json])) {
    const item = items[Number(position)];
    if (item !== undefined) returned.set(item, version ?? null);
  }
  if (kind === 'insert' || kind === 'upsert' || kind === 'replace')
    await addBareDeltas(session, [...returned.keys()], wallTime);
  return returned;
}

/** @throws RangeError without an item */
export function statementOf(kind: RecordKind, items: readonly Item[], wallTime: WallTime): Statement {
  const table = items[0]?.table;
  if (table === undefined) throw new RangeError('A statement needs a row to write.');
  return STATEMENT[kind](table, items, versionFormat(table, wallTime));
}

async function addBareDeltas(session: Session, items: readonly Item[], wallTime: WallTime): Promise<void> {
  const counting = items
    .map((item) => incrementOf(item, bareDeltas(item)))
    .filter(({ record }) => Object.keys(record.deltas).length > 0);
  await writeRows(session, 'increment', counting, wallTime);
}

/** Only the counters of an item: no version is compared or raised. */
export function incrementOf(item: Item, deltas: Deltas = item.record.deltas): Item {
  return withRecord(item, { kind: 'increment', values: {}, originals: {}, deltas }, ['base', 'version']);
}

/** The outcome of a written row: none, unless its version differs from the record's (a trigger, an upsert). */
export function writtenAs(
  { record }: Item,
  shown: string | null,
  format: VersionFormat | undefined,
): Outcome | undefined {
  if (record.kind === 'delete' || format === undefined || shown === null) return undefined;
  if (record.version === undefined) {
    return record.kind === 'increment' ? undefined : { kind: 'version', version: format.parse(shown) };
  }
  return shown === format.shown(record.version) ? undefined : { kind: 'version', version: format.parse(shown) };
}
