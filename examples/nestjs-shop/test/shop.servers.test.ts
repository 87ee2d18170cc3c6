import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { database, eventually, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { call, query, Shop } from './shop-processes.js';

let server: PrivateRedis;
let db: Database;
let shop: Shop;

beforeAll(async () => {
  [server, db] = await Promise.all([redis(), database()]);
});
beforeEach(() => {
  shop = new Shop({ redis: server.url, database: db.url });
});
afterEach(() => shop.kill());
afterAll(async () => {
  await db.drop();
  await server.stop();
});

describe('the shop over HTTP', () => {
  test('counts every view of two web processes, and shows it at once', async () => {
    // One after the other: the first makes the tables.
    const one = await shop.web();
    const two = await shop.web();
    await shop.worker();
    const id = await product(one.url, { available: 5 });
    await Promise.all(Array.from({ length: 40 }, (_, n) => call('GET', `${(n % 2 ? one : two).url}/products/${id}`)));
    expect((await call('GET', `${two.url}/products/${id}`)).body).toMatchObject({ name: 'Kettle', views: 41 });
    await eventually(async () =>
      expect(await query(db.url, `select views from product where id = '${id}'`)).toEqual([{ views: 41 }]),
    );
  });

  test('answers 404 for products that there are none of, and leaves no dead letters of them', async () => {
    const { url } = await shop.web();
    const worker = await shop.worker();
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const answers = await Promise.all(ids.map((id) => call('GET', `${url}/products/${id}`)));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([404]));
    const ended = once(worker.process, 'close');
    worker.process.kill('SIGTERM');
    await ended;
    expect(worker.printed()).not.toContain('dead letter');
  });

  test('turns a cart into an order: stock, order and cart change together', async () => {
    const { url } = await shop.web();
    await shop.worker();
    const id = await product(url, { available: 3 });
    expect((await call('PUT', `${url}/carts/ada/items/${id}`, { count: 2 })).body).toEqual({ [id]: 2 });
    const ordered = await call('POST', `${url}/carts/ada/order`);
    expect(ordered).toMatchObject({ code: 201, body: { customer: 'ada', items: { [id]: 2 }, total: 5_800 } });
    const { id: order } = ordered.body as { readonly id: string };
    expect((await call('GET', `${url}/orders/${order}`)).body).toEqual(ordered.body);
    expect((await call('GET', `${url}/carts/ada`)).body).toEqual({});
    expect(await query(db.url, `select available from stock where product_id = '${id}'`)).toEqual([{ available: 1 }]);
  });

  test('refuses what is not there any more, and changes nothing', async () => {
    const { url } = await shop.web();
    await shop.worker();
    const id = await product(url, { available: 1 });
    await call('PUT', `${url}/carts/bob/items/${id}`, { count: 2 });
    expect(await call('POST', `${url}/carts/bob/order`)).toMatchObject({
      code: 409,
      body: { message: 'Of Kettle there are only 1' },
    });
    expect((await call('GET', `${url}/carts/bob`)).body).toEqual({ [id]: 2 });
    expect(await query(db.url, `select available from stock where product_id = '${id}'`)).toEqual([{ available: 1 }]);
  });

  test('is healthy, and a name that is changed in one process is seen in the other', async () => {
    // One after the other: the first makes the tables.
    const one = await shop.web();
    const two = await shop.web();
    await shop.worker();
    expect(await call('GET', `${one.url}/health/ready`)).toMatchObject({ code: 200, body: { status: 'ok' } });
    const id = await product(one.url, { available: 1 });
    expect((await call('PATCH', `${one.url}/products/${id}`, { name: 'Tea kettle' })).code).toBe(204);
    expect((await call('GET', `${two.url}/products/${id}`)).body).toMatchObject({ name: 'Tea kettle', price: 2_900 });
    expect((await call('GET', `${one.url}/products/5b0d0b3e-0000-4000-8000-000000000000`)).code).toBe(404);
  });
});

test('stopped under load, web processes and worker alike, it loses nothing that was acknowledged', async () => {
  const web = await shop.web();
  const worker = await shop.worker();
  const id = await product(web.url, { available: 1 });
  let acknowledged = 0;
  let isOver = false;
  const visitors = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const answer = await call('GET', `${web.url}/products/${id}`).catch(() => undefined);
      if (answer?.code === 200) acknowledged += 1;
      else isOver = true;
    }
  });
  await eventually(() => acknowledged > 50, { timeoutMs: 60_000 });
  worker.process.kill('SIGTERM');
  await once(worker.process, 'exit');
  web.process.kill('SIGTERM');
  await once(web.process, 'exit');
  await Promise.all(visitors);
  // Changes that came after the worker had gone are not written; the next worker writes them.
  await shop.worker();
  await eventually(async () => {
    const [row] = await query(db.url, `select views from product where id = '${id}'`);
    // A view whose answer was lost with the server is counted and not acknowledged.
    expect(row?.['views']).toBeGreaterThanOrEqual(acknowledged);
  });
});

async function product(url: string, { available }: { readonly available: number }): Promise<string> {
  const { body } = await call('POST', `${url}/products`, { name: 'Kettle', price: 2_900, available });
  return (body as { readonly id: string }).id;
}
