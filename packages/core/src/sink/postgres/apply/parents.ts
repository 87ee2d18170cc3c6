import { madeValues, makesMissing } from '../../../change/missing.js';
import { emptyRecord } from '../../../change/record.js';
import { parseRowKey, rowKeyOf, type RowKey } from '../../../change/row-key.js';
import type { ForeignKey, Table } from '../../table.js';
import { faultOf } from '../fault.js';
import type { Item } from '../plan/item.js';
import { absentRows } from '../sql/absent-rows.js';
import type { ApplyContext } from './context.js';

/** The rows that a record points at, as far as they may be staged too. */
export function parentsOf(item: Item): RowKey[] {
  return item.table.references.flatMap((reference) => {
    const key = parentKey(item, reference);
    return key === undefined ? [] : [rowKeyOf({ ...reference.target, key })];
  });
}

/**
 * Those of some parents that the database does not have: a parent that it has may be pending with a change that its
 * children need not wait for. A table that this process does not know, or a key that is none, counts as absent.
 */
export async function absentParents(
  parents: readonly RowKey[],
  { session, tables, names, mayRestart }: Pick<ApplyContext, 'session' | 'tables' | 'names' | 'mayRestart'>,
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

/** The key of the parent, if the record names it. Only what makes a row points anywhere by its own key: later changes of the row do not point anew. */
function parentKey({ record, key }: Item, { parts }: ForeignKey): string[] | undefined {
  const isWhole = record.kind === 'insert' || record.kind === 'upsert' || record.kind === 'replace';
  const makesRow = isWhole || makesMissing(record);
  if (!makesRow && parts.every((part) => 'key' in part)) return undefined;
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
