import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { queued } from './support/queue/queue-stand.js';
import { writeOrders } from './support/queue/queued-orders.js';

const db = await database();
const pool = new pg.Pool({ connectionString: db.url, max: 1 });
afterAll(async () => {
  await pool.end();
  await db.drop();
});

const ground = {
  redisUrl: sharedRedisUrl(),
  databaseUrl: db.url,
  namespace: freshNamespace(),
  scale: 1,
  seed: 1,
  isFull: false,
};

test('what is queued is found at once and written once, and who saves something stale is refused', async () => {
  const stand = await queued(ground, 64);
  const [one, other] = [await stand.find(1), await stand.find(1)];
  one.stock += 5;
  await expect(stand.save(one)).resolves.toBe(true);
  await expect(stand.save(other)).resolves.toBe(false);
  expect((await stand.find(1)).stock).toBe(other.stock + 5);
  // The second job has run already, as its number says.
  await pool.query(`insert into written_job values ('2')`);
  await stand.queue.add({ id: 2, values: { stock: 77 } });
  for (const stock of [1, 2, 3]) await stand.queue.add({ id: 3, values: { stock } });
  await stand.written();

  stand.items.add(1, 'stock', 5);
  stand.items.expect(3, { stock: 3 });
  await stand.check();
  await stand.close();
});

test('orders of a batch are added up, and each row is written once', async () => {
  await pool.query('create table product (id int primary key, stock int, version int)');
  await pool.query('create table customer (id int primary key, orders int, spent_cents int, version int)');
  await pool.query('insert into product select id, 10, 1 from generate_series(1, 3) as id');
  await pool.query('insert into customer values (1, 0, 0, 1)');
  const client = await pool.connect();
  const first = {
    units: [
      [1, 2],
      [2, 1],
    ],
    customer: 1,
    cents: 500,
  } as const;
  const rows = await writeOrders(client, [
    first,
    { units: [[1, 1]], customer: 1, cents: -200 },
    { units: [[3, 4]], cents: 0 },
  ]);
  client.release();

  expect(rows).toBe(4);
  const { rows: products } = await pool.query('select id, stock, version from product order by id');
  expect(products.map((row: object) => Object.values(row))).toEqual([
    [1, 7, 2],
    [2, 9, 2],
    [3, 6, 2],
  ]);
  const { rows: customers } = await pool.query('select orders, spent_cents from customer');
  expect(customers).toEqual([{ orders: 2, spent_cents: 300 }]);
});
