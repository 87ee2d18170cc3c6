import { defineEntity, p, type InferEntity } from '@mikro-orm/postgresql';
import pg from 'pg';
import { writingTransactions } from '../transactions.js';
import type { Traffic } from './order.js';

export const Product = defineEntity({
  name: 'Product',
  properties: { id: p.integer().primary(), title: p.text(), stock: p.integer(), version: p.integer().version() },
});

export const Customer = defineEntity({
  name: 'Customer',
  properties: {
    id: p.integer().primary(),
    name: p.text(),
    orders: p.integer(),
    spentCents: p.integer(),
    version: p.integer().version(),
  },
});

export type Product = InferEntity<typeof Product>;
export type Customer = InferEntity<typeof Customer>;

const STOCK = 1_000_000;

/** By plain SQL, so that they are the same for all sides. */
const tables = `
  create table product (id int primary key, title text not null, stock int not null, version int not null default 1);
  create table customer (
    id int primary key,
    name text not null,
    orders int not null,
    spent_cents int not null,
    version int not null default 1
  )`;

/** The tables of a shop, and what they have to hold after so many rounds of the same traffic. */
export class Shop {
  readonly #pool: pg.Pool;
  readonly #traffic: Traffic;

  private constructor(pool: pg.Pool, traffic: Traffic) {
    this.#pool = pool;
    this.#traffic = traffic;
  }

  static async make(databaseUrl: string, traffic: Traffic): Promise<Shop> {
    const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
    await pool.query(tables);
    const { products, customers } = traffic;
    await pool.query(
      `insert into product select id, 'Product ' || id, ${STOCK} from generate_series(1, $1::int) as id`,
      [products],
    );
    await pool.query(`insert into customer select id, 'Customer ' || id, 0, 0 from generate_series(1, $1::int) as id`, [
      customers,
    ]);
    await pool.query('vacuum analyze');
    return new Shop(pool, traffic);
  }

  /** Transactions that have written what was staged, until now. */
  transactions(): Promise<number> {
    return writingTransactions(this.#pool);
  }

  /** Rejects with the first row that is not as expected after `rounds` rounds. */
  async check(rounds: number): Promise<void> {
    const { products, customers, orders } = this.#traffic;
    const stock = Array.from({ length: products }, () => STOCK);
    const counted = Array.from({ length: customers }, () => ({ orders: 0, cents: 0 }));
    for (const { units, customer, cents } of orders) {
      for (const [product, sold] of units) stock[product - 1] = (stock[product - 1] ?? 0) - rounds * sold;
      const row = customer === undefined ? undefined : counted[customer - 1];
      if (row) Object.assign(row, { orders: row.orders + rounds, cents: row.cents + rounds * cents });
    }
    await this.#compare('select id, stock::text as found from product order by id', stock.map(String));
    await this.#compare(
      `select id, orders || ' orders, ' || spent_cents || ' cents' as found from customer order by id`,
      counted.map((row) => `${row.orders} orders, ${row.cents} cents`),
    );
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #compare(query: string, expected: readonly string[]): Promise<void> {
    const { rows } = await this.#pool.query<{ id: number; found: string }>(query);
    if (rows.length !== expected.length)
      throw new Error(`There are ${rows.length} rows instead of ${expected.length}: ${query}.`);
    for (const [index, { id, found }] of rows.entries())
      if (found !== expected[index])
        throw new Error(`Row ${id} is ${found} in PostgreSQL instead of ${expected[index]}: ${query}.`);
  }
}
