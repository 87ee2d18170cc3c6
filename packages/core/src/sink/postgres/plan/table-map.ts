import type { Table } from '../../table.js';

/** Finds a table by the schema and name that row keys carry. */
export class TableMap {
  readonly #schemas = new Map<string, Map<string, Table>>();

  constructor(tables: readonly Table[]) {
    for (const table of tables) {
      const schema = this.#schemas.get(table.schema) ?? new Map<string, Table>();
      this.#schemas.set(table.schema, schema.set(table.name, table));
    }
  }

  /** The tables that refer to another one. */
  referringTo({ schema, name }: Table): readonly Table[] {
    return [...this.#schemas.values()]
      .flatMap((tables) => [...tables.values()])
      .filter(({ references }) => references.some(({ target }) => target.schema === schema && target.table === name));
  }

  get(address: { readonly schema: string; readonly table: string }): Table | undefined {
    return this.#schemas.get(address.schema)?.get(address.table);
  }
}
