import { Order, Product } from './programs/shop.js';
import type { Shop } from './ground.js';

/** Rows that are there, and prices that PostgreSQL refuses: each is a dead letter once a worker has met it. */
export async function makeLetters(shop: Shop, ids: readonly number[]): Promise<void> {
  const values = ids.map((id) => `(${id}, 'tea ${id}', 5, 's3cret')`).join(', ');
  await shop.query(`insert into product (id, name, price, secret) values ${values}`);
  const em = shop.orm.em.fork();
  for (const product of await em.find(Product, { id: { $in: [...ids] } })) {
    product.name = `green tea ${product.id}`;
    product.price = -1;
    product.secret = 'told to nobody';
  }
  await em.flush();
}

/** Orders that can be written. */
export async function makeOrders(shop: Shop, ids: readonly number[]): Promise<void> {
  const em = shop.orm.em.fork();
  for (const id of ids) em.create(Order, { id, customer: `customer ${id}`, total: id });
  await em.flush();
}

/** Additions to rows that are not there, each of which is a dead letter. */
export async function buryMany({ service }: Shop, letters: number): Promise<void> {
  const ids = Array.from({ length: letters }, (_, n) => 1_000_000 + n);
  for (let from = 0; from < letters; from += PER_CALL) {
    const rows = ids.slice(from, from + PER_CALL).map((key) => ({ key, by: { views: 1 } }));
    await service.incrementMany(Product.class, rows);
  }
  await service.drain({ until: 'written', timeout: '2m' });
}

const PER_CALL = 5_000;
