import type pg from 'pg';

/** A job: all that an order changes. */
export interface OrderJob {
  readonly units: readonly (readonly [product: number, sold: number])[];
  readonly customer?: number;
  readonly cents: number;
}

const ofProducts = `
  update product set stock = stock - row.sold, version = version + 1
  from json_to_recordset($1) as row(id int, sold int)
  where product.id = row.id`;

const ofCustomers = `
  update customer set orders = orders + row.count, spent_cents = spent_cents + row.cents, version = version + 1
  from json_to_recordset($1) as row(id int, count int, cents int)
  where customer.id = row.id`;

/** Adds up what the orders of a batch change, and writes each row once. @returns rows */
export async function writeOrders(client: pg.PoolClient, batch: readonly OrderJob[]): Promise<number> {
  const products = new Map<number, number>();
  const customers = new Map<number, { count: number; cents: number }>();
  for (const { units, customer, cents } of batch) {
    for (const [product, sold] of units) products.set(product, (products.get(product) ?? 0) + sold);
    if (customer === undefined) continue;
    const { count, cents: spent } = customers.get(customer) ?? { count: 0, cents: 0 };
    customers.set(customer, { count: count + 1, cents: spent + cents });
  }
  const sold = [...products].map(([id, units]) => ({ id, sold: units }));
  const bought = [...customers].map(([id, counted]) => ({ id, ...counted }));
  await client.query({ name: 'products', text: ofProducts, values: [JSON.stringify(sold)] });
  await client.query({ name: 'customers', text: ofCustomers, values: [JSON.stringify(bought)] });
  return sold.length + bought.length;
}
