import { parseRowKey, type RowKey } from '../change/row-key.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import type { TableName } from '../sink/change-sink.js';

export function tableOf({ table }: WriteBehindType): TableName {
  return { schema: table.schema, table: table.name };
}

/** Those of the rows, each once. */
export function tablesOf(keys: readonly RowKey[]): TableName[] {
  const tables = keys.map((key) => {
    const { schema, table } = parseRowKey(key);
    return JSON.stringify({ schema, table });
  });
  return [...new Set(tables)].map((text) => JSON.parse(text) as TableName);
}
