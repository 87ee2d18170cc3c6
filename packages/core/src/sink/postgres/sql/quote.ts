import type { Column, Table } from '../../table.js';

/** An identifier in double quotes. Only names from metadata and options come here. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function tableName({ schema, name, written }: Pick<Table, 'schema' | 'name' | 'written'>): string {
  if (written !== undefined) return written;
  return schema === '' ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

/** A column of the row being written. */
export function ofRow(column: Column): string {
  return `t.${quoted(column.name)}`;
}
