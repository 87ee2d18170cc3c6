import pg from 'pg';
import { columnsOf, columnsOfItems, itemValues, tableOfItems, type ItemValues } from './item.js';
import { writingTransactions } from './transactions.js';

type Column = keyof typeof columnsOfItems;

/** Rows in one statement. */
const PART = 50_000;

/** A table of items, and what its rows have to hold in the end: a figure counts only if every row is exact. */
export class Items {
  readonly #pool: pg.Pool;
  readonly #expected: readonly Record<Column, unknown>[];

  private constructor(pool: pg.Pool, rows: number) {
    this.#pool = pool;
    this.#expected = Array.from({ length: rows }, (_, index) => columnsOf(itemValues(index + 1, 0)));
  }

  /** Makes the table, with the keys from 1 to `rows` in turn 0. */
  static async make(databaseUrl: string, rows: number): Promise<Items> {
    const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
    const items = new Items(pool, rows);
    await pool.query(tableOfItems);
    const text = `insert into item select row.*, 1 from json_to_recordset($1) as row(id int, ${recordOfItems()})`;
    for (let from = 0; from < rows; from += PART) {
      const given = items.#expected
        .slice(from, from + PART)
        .map((columns, index) => ({ id: from + index + 1, ...columns }));
      await pool.query(text, [JSON.stringify(given)]);
    }
    await pool.query('vacuum analyze item');
    return items;
  }

  get rows(): number {
    return this.#expected.length;
  }

  /** The keys in an order that is random and equal for all sides. */
  shuffledIds(random: () => number): number[] {
    const ids = this.#expected.map((_, index) => index + 1);
    for (let last = ids.length - 1; last > 0; last -= 1) {
      const other = Math.floor(random() * (last + 1));
      [ids[last], ids[other]] = [ids[other] ?? 0, ids[last] ?? 0];
    }
    return ids;
  }

  expect(id: number, values: Partial<ItemValues>): void {
    const columns = columnsOf(values as ItemValues);
    for (const name of Object.keys(columnsOfItems) as Column[])
      if (columns[name] !== undefined) this.#row(id)[name] = columns[name];
  }

  /** Expects so much more. */
  add(id: number, column: 'stock' | 'views', by: number): void {
    this.#row(id)[column] = Number(this.#row(id)[column]) + by;
  }

  expected(id: number, column: 'stock' | 'views'): number {
    return Number(this.#row(id)[column]);
  }

  /** Transactions that have written what was staged, until now. */
  transactions(): Promise<number> {
    return writingTransactions(this.#pool);
  }

  /** Rejects with the first row that is not as expected. */
  async check(): Promise<void> {
    let found = 0;
    for (let after = 0; ; after += PART) {
      const text = 'select * from item where id > $1 and id <= $2 order by id';
      const { rows } = await this.#pool.query<Record<Column | 'id', unknown>>(text, [after, after + PART]);
      found += rows.length;
      for (const row of rows)
        for (const name of Object.keys(columnsOfItems) as Column[])
          if (textOf(row[name]) !== textOf(this.#row(Number(row.id))[name])) throw new Error(this.#explain(row, name));
      if (after + PART >= this.rows) break;
    }
    if (found !== this.rows) throw new Error(`The table has ${found} rows instead of ${this.rows}.`);
  }

  /** Rejects unless the value is as expected. */
  checkValue(id: number, name: Column, value: unknown): void {
    if (textOf(asRead(name, value)) !== textOf(this.#row(id)[name]))
      throw new Error(`${name} of item ${id} is ${textOf(value)} instead of ${textOf(this.#row(id)[name])}.`);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #row(id: number): Record<Column, unknown> {
    const row = this.#expected[id - 1];
    if (row) return row;
    throw new Error(`There is no item ${id}.`);
  }

  #explain(row: Record<Column | 'id', unknown>, name: Column): string {
    const expected = textOf(this.#row(Number(row.id))[name]);
    return `${name} of item ${textOf(row.id)} is ${textOf(row[name])} in PostgreSQL instead of ${expected}.`;
  }
}

/** The columns of an item, as `json_to_recordset` wants them. */
export function recordOfItems(): string {
  return Object.entries(columnsOfItems)
    .map(([name, type]) => `${name} ${type}`)
    .join(', ');
}

function textOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

/** A driver answers a moment as a text. */
function asRead(name: Column, value: unknown): unknown {
  return name === 'changed_at' ? new Date(value as string | Date) : value;
}
