import { rowKeyOf, type RowKey } from '../../../change/row-key.js';
import type { ForeignKey } from '../../table.js';
import type { Item } from '../plan/item.js';

/** The rows that a record points at, as far as they may be staged too. */
export function parentsOf(item: Item): RowKey[] {
  return item.table.references.flatMap((reference) => {
    const key = parentKey(item, reference);
    return key === undefined ? [] : [rowKeyOf({ ...reference.target, key })];
  });
}

/** The key of the parent, if the record names it. Only what makes a row points anywhere by its own key: later changes of the row do not point anew. */
function parentKey({ record, key }: Item, { parts }: ForeignKey): string[] | undefined {
  const makesRow = record.kind === 'insert' || record.kind === 'upsert' || record.kind === 'replace';
  if (!makesRow && parts.every((part) => 'key' in part)) return undefined;
  const texts: string[] = [];
  for (const part of parts) {
    const text = 'key' in part ? key[part.key] : valueText(record.values, part.value);
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
