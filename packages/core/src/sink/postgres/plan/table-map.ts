import type { TableName } from '../../../change/row-key.js';
import type { Table } from '../../table.js';
import { KnownNames } from '../known-names.js';

/** Finds a table by the schema and name that row keys carry. */
export class TableMap {
  #names: KnownNames;
  #schemas: Map<string, Map<string, Table>>;
  #revision = 0;

  constructor(tables: readonly Table[]) {
    this.#names = new KnownNames(tables);
    this.#schemas = bySchema(tables);
  }

  /** Another number after each change of a table. */
  get revision(): number {
    return this.#revision;
  }

  get names(): KnownNames {
    return this.#names;
  }

  /** Replaces all tables. */
  replace(tables: readonly Table[]): void {
    this.#revision += 1;
    this.#names = new KnownNames(tables);
    this.#schemas = bySchema(tables);
  }

  /** Rows of the table are written without `on conflict` from now on. @returns whether that is new */
  noteDeferrableKey({ schema, name }: Table): boolean {
    const table = this.get({ schema, table: name });
    if (table === undefined || table.keyIsDeferrable === true) return false;
    this.#revision += 1;
    this.#schemas.get(schema)?.set(name, { ...table, keyIsDeferrable: true });
    return true;
  }

  /** The tables that refer to another one. */
  referringTo({ schema, name }: Table): readonly Table[] {
    return [...this.#schemas.values()]
      .flatMap((tables) => [...tables.values()])
      .filter(({ references }) => references.some(({ target }) => target.schema === schema && target.table === name));
  }

  get(address: TableName): Table | undefined {
    return this.#schemas.get(address.schema)?.get(address.table);
  }
}

function bySchema(tables: readonly Table[]): Map<string, Map<string, Table>> {
  const schemas = new Map<string, Map<string, Table>>();
  for (const table of tables) {
    const schema = schemas.get(table.schema) ?? new Map<string, Table>();
    schemas.set(table.schema, schema.set(table.name, table));
  }
  return schemas;
}
