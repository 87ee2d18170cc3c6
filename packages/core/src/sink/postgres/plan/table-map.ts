import type { Table } from '../../table.js';
import { KnownNames } from '../known-names.js';

/** Finds a table by the schema and name that row keys carry. */
export class TableMap {
  readonly names: KnownNames;
  readonly #schemas = new Map<string, Map<string, Table>>();

  constructor(tables: readonly Table[]) {
    this.names = new KnownNames(tables);
    for (const table of tables) {
      const schema = this.#schemas.get(table.schema) ?? new Map<string, Table>();
      this.#schemas.set(table.schema, schema.set(table.name, table));
    }
  }

  /** From now on rows of the table are written without `on conflict`. @returns whether that is new */
  noteDeferrableKey({ schema, name }: Table): boolean {
    const table = this.get({ schema, table: name });
    if (table === undefined || table.keyIsDeferrable === true) return false;
    this.#schemas.get(schema)?.set(name, { ...table, keyIsDeferrable: true });
    return true;
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
