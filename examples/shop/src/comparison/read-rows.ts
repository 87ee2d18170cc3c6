import { tableNames, type TableName } from '../journal/change.js';
import type { NamedRow } from './compare.js';

/** Runs one statement and answers its rows, `json` parsed. */
export type Query = (sql: string) => Promise<readonly unknown[]>;

/** Every row of the shop in a schema, by plain SQL. */
export async function readRows(query: Query, schema: string): Promise<NamedRow[]> {
  const rows: NamedRow[] = [];
  for (const table of tableNames) {
    const selected = (await query(selects[table](schema))) as readonly SelectedRow[];
    for (const row of selected) rows.push({ table, ...row });
  }
  return rows;
}

type SelectedRow = Omit<NamedRow, 'table'>;

/** `json_build_object` with texts: the values as PostgreSQL prints them, not as a driver reads them. */
const selects: Readonly<Record<TableName, (schema: string) => string>> = {
  products: (schema) => `
    select id::text as row, version, views,
      json_build_object('id', id::text, 'name', name, 'price', price::text, 'stock', stock::text) as values
    from ${schema}.products`,
  customers: (schema) => `
    select id::text as row, version, 0 as views,
      json_build_object('id', id::text, 'name', name, 'address', address) as values
    from ${schema}.customers`,
  orders: (schema) => `
    select reference as row, version, 0 as views,
      json_build_object('id', id::text, 'status', status, 'total', total::text, 'customer_id', customer_id::text) as values
    from ${schema}.orders`,
  order_lines: (schema) => `
    select orders.reference || '/' || position as row, 1 as version, 0 as views,
      json_build_object('id', order_lines.id::text, 'product_id', product_id::text, 'quantity', quantity::text) as values
    from ${schema}.order_lines join ${schema}.orders on orders.id = order_lines.order_id`,
};
