import type { MikroORM } from '@mikro-orm/core';
import { Customer, Product } from '../entities.js';
import type { Draft } from '../journal/draft.js';
import type { Journal } from '../journal/journal.js';
import type { Catalogue } from '../traffic/catalogue.js';

const perFlush = 200;

/**
 * Fills the empty shop. It waits for no database: a request finds these rows where they are staged.
 */
export async function openShop(orm: MikroORM, journal: Journal, catalogue: Catalogue): Promise<void> {
  for (const products of chunks(catalogue.products)) {
    const em = orm.em.fork();
    const drafts = products.map((product): Draft => {
      const { id, name, price, stock } = product;
      const values = { name, price, stock: String(stock) };
      return { kind: 'insert', table: 'products', row: id, entity: em.create(Product, product), values };
    });
    await journal.record(drafts, () => em.flush());
  }
  for (const customers of chunks(catalogue.customers)) {
    const em = orm.em.fork();
    const drafts = customers.map((customer): Draft => {
      const { id, name, address } = customer;
      const entity = em.create(Customer, customer);
      return { kind: 'insert', table: 'customers', row: id, entity, values: { name, address } };
    });
    await journal.record(drafts, () => em.flush());
  }
}

function chunks<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / perFlush);
  return Array.from({ length: count }, (_, index) => items.slice(index * perFlush, (index + 1) * perFlush));
}
