import { tableText } from '../../change/row-key.js';
import type { Table } from '../table.js';
import { quoted } from './sql/quote.js';

/** The words of which PostgreSQL and MikroORM make names of constraints, besides those of tables and columns. */
const OF_CONSTRAINTS = ['pkey', 'key', 'fkey', 'check', 'excl', 'idx', 'index', 'unique', 'foreign'];

/**
 * The names that the metadata knows. Of the names in an error of PostgreSQL, messages show only these: a trigger sets
 * them as it likes, to values too.
 */
export class KnownNames {
  readonly #tables = new Set<string>();
  /** Names of tables that statements use without a schema: the search path may find them in any. */
  readonly #alongPath = new Set<string>();
  readonly #columns = new Set<string>();
  readonly #constraints = new Set<string>();
  readonly #words = new Set(OF_CONSTRAINTS);

  constructor(tables: readonly Table[]) {
    for (const { schema, name, written, key, columns, version, constraints = [] } of tables) {
      this.#tables.add(tableText({ schema, table: name }));
      if (written === quoted(name)) this.#alongPath.add(name);
      const all = [...key, ...Object.values(columns), ...(version ? [version.column] : [])];
      for (const column of all) this.#columns.add(column.name);
      for (const constraint of constraints) this.#constraints.add(constraint);
      for (const known of [name, ...all.map((column) => column.name)])
        for (const word of known.split('_')) this.#words.add(word);
    }
  }

  /** The name by which messages may show a table: full, without a schema where only the server knows it, or none. */
  tableAs(schema: string | undefined, table: string | undefined): string | undefined {
    if (table === undefined) return undefined;
    if (schema !== undefined && this.#tables.has(tableText({ schema, table }))) return `"${schema}"."${table}"`;
    return this.#alongPath.has(table) ? `"${table}"` : undefined;
  }

  hasColumn(name: string | undefined): boolean {
    return name !== undefined && this.#columns.has(name);
  }

  /**
   * Also true for a name that consists of known names, as PostgreSQL and MikroORM make them: `product_name_key`,
   * `product_stock_check1`.
   */
  hasConstraint(name: string | undefined): boolean {
    if (name === undefined) return false;
    const isMadeUp = name.split('_').every((word) => this.#words.has(word.replace(/(?<=check|key|excl|idx)\d+$/, '')));
    return isMadeUp || this.#constraints.has(name);
  }

  /** The known columns that the text has in quotes. */
  columnsIn(text: string): readonly string[] {
    return [...this.#columns].filter((name) => text.includes(`"${name}"`));
  }
}
