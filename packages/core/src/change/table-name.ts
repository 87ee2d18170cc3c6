import { parseRowKey, type RowKey } from './row-key.js';

/** Names a table as the metadata does, unquoted. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** The table's name as one text. No character of a name can be taken for a separator: `["public","product"]`. */
export function tableText({ schema, table }: TableName): string {
  return JSON.stringify([schema, table]);
}

/** How the row keys of the table begin: `["public","product",`. */
export function beginningOfRowKeys(table: TableName): string {
  return `${tableText(table).slice(0, -1)},`;
}

/** The name of the table of an entity, as its metadata has it. */
export function tableOf({ table }: { readonly table: { readonly schema: string; readonly name: string } }): TableName {
  return { schema: table.schema, table: table.name };
}

/** A test that is true for rows of one of the tables. */
export function isInTables(tables: readonly TableName[]): (rowKey: RowKey) => boolean {
  const names = new Set(tables.map(tableText));
  return (rowKey) => names.has(tableText(parseRowKey(rowKey)));
}

/** The tables of rows, each once. */
export function tablesOf(keys: readonly RowKey[]): readonly TableName[] {
  const tables = keys.map((key): TableName => {
    const { schema, table } = parseRowKey(key);
    return { schema, table };
  });
  return [...new Map(tables.map((table) => [tableText(table), table])).values()];
}
