import type { Table } from '../../table.js';

/** Finds a table by the schema and name that row keys carry. */
export class TableMap {
  readonly #tables: ReadonlyMap<string, Table>;

  constructor(tables: readonly Table[]) {
    this.#tables = new Map(tables.map((table) => [nameOf(table.schema, table.name), table]));
  }

  get(address: { readonly schema: string; readonly table: string }): Table | undefined {
    return this.#tables.get(nameOf(address.schema, address.table));
  }
}

/** Schema names may contain dots; U+0000 is in no name of PostgreSQL's. */
function nameOf(schema: string, table: string): string {
  return `${schema}\0${table}`;
}
