import { madeValues, makesMissing, emptyRecord, type StagedRecord } from '../../../change/record.js';
import { parseRowKey, rowKeyOf, type RowKey } from '../../../change/row-key.js';
import type { ForeignKey, Table } from '../../table.js';
import { faultOf } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { TableMap } from '../plan/table-map.js';
import { absentRows } from '../sql/absent-rows.js';
import type { ApplyContext } from './context.js';

type ParentsContext = Pick<ApplyContext, 'session' | 'tables' | 'names' | 'mayRestart' | 'parentsPending'>;

/** The rows that a record points at, as far as they may be staged too. */
export function parentsOf(item: Item): RowKey[] {
  return item.table.references.flatMap((reference) => {
    const key = parentKey(item, reference);
    return key === undefined ? [] : [rowKeyOf({ ...reference.target, key })];
  });
}

/** The same for a record whose table may be unknown, or whose row key may be invalid. */
export function parentsOfRecord(rowKey: RowKey, record: StagedRecord, tables: Pick<TableMap, 'get'>): RowKey[] {
  try {
    const address = parseRowKey(rowKey);
    const table = tables.get(address);
    return table ? parentsOf({ token: '', rowKey, key: address.key, record, ageMs: 0, table }) : [];
  } catch {
    return [];
  }
}

/**
 * The parents that the database does not have. A parent that it has may be pending with a change for which its children
 * need not wait. A parent counts as absent if this process does not know its table, or if its key is invalid.
 */
async function absentParents(
  parents: readonly RowKey[],
  { session, tables, names, mayRestart }: Omit<ParentsContext, 'parentsPending'>,
  savepoint: string,
): Promise<ReadonlySet<RowKey>> {
  const absent = new Set(parents);
  const known = new Map<Table, Item[]>();
  for (const rowKey of parents) {
    const address = parseRowKey(rowKey);
    const table = tables.get(address);
    if (table === undefined) continue;
    const item = { token: '', rowKey, key: address.key, record: emptyRecord(), ageMs: 0, table };
    const items = known.get(table) ?? [];
    items.push(item);
    known.set(table, items);
  }
  for (const [table, items] of known) {
    const { text, json } = absentRows(table, items);
    try {
      const positions = new Set((await session.rows(text, [json])).map(([position]) => Number(position)));
      for (const [position, { rowKey }] of items.entries()) if (!positions.has(position)) absent.delete(rowKey);
    } catch (error) {
      faultOf(error, { names, mayRestart });
      await session.script(`rollback to savepoint ${savepoint}`);
    }
  }
  return absent;
}

/** Items that come before their parents, and these parents. */
interface EarlyItems {
  readonly early: ReadonlySet<Item>;
  readonly absent: ReadonlySet<RowKey>;
}

/**
 * The items that refer to a row which is pending and not in the database: that row has to be written first. The same
 * transaction writes the rows of `own`, so items need not wait for those.
 */
export async function earlyItems(
  items: readonly Item[],
  own: ReadonlySet<RowKey>,
  context: ParentsContext,
  savepoint: string,
): Promise<ReadonlySet<Item>> {
  return (await earlyOf(items, own, context, savepoint)).early;
}

/** The same, with the rows that they refer to. */
export async function earlyOf(
  items: readonly Item[],
  own: ReadonlySet<RowKey>,
  context: ParentsContext,
  savepoint: string,
): Promise<EarlyItems> {
  const parents = new Set(items.flatMap(parentsOf).filter((parent) => !own.has(parent)));
  const pending = parents.size === 0 ? parents : await context.parentsPending([...parents]);
  if (pending.size === 0) return { early: new Set(), absent: pending };
  const absent = await absentParents([...pending], context, savepoint);
  return { early: new Set(items.filter((item) => parentsOf(item).some((parent) => absent.has(parent)))), absent };
}

/** Adds the items that refer to one of them that makes a row, and so on. */
export function withChildren(early: ReadonlySet<Item>, items: readonly Item[]): ReadonlySet<Item> {
  const all = new Set(early);
  const absent = new Set([...early].filter(makesRow).map(({ rowKey }) => rowKey));
  for (let isNews = true; isNews;) {
    isNews = false;
    for (const item of items) {
      if (all.has(item) || !parentsOf(item).some((parent) => absent.has(parent))) continue;
      all.add(item);
      if (makesRow(item)) absent.add(item.rowKey);
      isNews = true;
    }
  }
  return all;
}

/**
 * An upsert and a replacement may find their row. Their children are then left out without need, and tried once more.
 */
function makesRow({ record }: Item): boolean {
  const { kind } = record;
  return kind === 'insert' || kind === 'upsert' || kind === 'replace' || makesMissing(record);
}

/**
 * The key of the parent, if the record names it. A reference that is all in the row's own key counts only for a record
 * that makes the row: later changes of the row point nowhere new.
 */
function parentKey(item: Item, { parts }: ForeignKey): string[] | undefined {
  const { record, key } = item;
  if (!makesRow(item) && parts.every((part) => 'key' in part)) return undefined;
  const values = madeValues(record);
  const texts: string[] = [];
  for (const part of parts) {
    const text = 'key' in part ? key[part.key] : valueText(values, part.value);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts;
}

function valueText(values: Item['record']['values'], name: string): string | undefined {
  const json = Object.hasOwn(values, name) ? values[name] : undefined;
  return json === undefined || json === 'null' ? undefined : keyText(json);
}

/** A number keeps its digits: it may be larger than JavaScript can hold. */
function keyText(json: string): string {
  if (!json.startsWith('"')) return json;
  try {
    return String(JSON.parse(json));
  } catch {
    return json;
  }
}
