import type { Column, Table } from '../../table.js';

/** An identifier in double quotes. Only names from metadata and options come here. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function tableName({ schema, name }: Pick<Table, 'schema' | 'name'>): string {
  return schema === '' ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

/** A column of the row being written. */
export function ofRow(column: Column): string {
  return `t.${quoted(column.name)}`;
}
