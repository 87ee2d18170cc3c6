import { rowKeyOf, type RowKey } from '../../../change/row-key.js';
import type { Item } from '../plan/item.js';

/** The rows that a record points at, as far as they may be staged too. */
export function parentsOf({ record, table }: Item): RowKey[] {
  return table.references.flatMap(({ property, target }) => {
    const value = Object.hasOwn(record.values, property) ? record.values[property] : undefined;
    return value === undefined || value === 'null' ? [] : [rowKeyOf({ ...target, key: [keyText(value)] })];
  });
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
