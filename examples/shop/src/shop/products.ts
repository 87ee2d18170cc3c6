import { Product } from '../entities.js';
import type { Draft } from '../journal/draft.js';
import type { Counting } from './counting.js';
import type { Request } from './request.js';

export function viewPage(id: string, counting: Counting): Request<Product> {
  return async (em) => {
    const product = await em.findOneOrFail(Product, id);
    return { answer: product, drafts: [viewOf(id)], save: () => counting.seen(em, product) };
  };
}

/** A view, as the journal notes it. */
export function viewOf(id: string): Draft {
  return { kind: 'count', table: 'products', row: id };
}

export function changePrice(id: string, percent: number): Request<Product> {
  return async (em) => {
    const product = await em.findOneOrFail(Product, id);
    const cents = Math.max(99, Math.round(Number(product.price) * (100 + percent)));
    const price = (cents / 100).toFixed(2);
    // A price that stays as it is would be no change, so it goes up by a cent.
    product.price = price === product.price ? ((cents + 1) / 100).toFixed(2) : price;
    const values = { price: product.price };
    return { answer: product, drafts: [{ kind: 'update', table: 'products', row: id, entity: product, values }] };
  };
}

export function changeStock(id: string, by: number): Request<Product> {
  return async (em) => {
    const product = await em.findOneOrFail(Product, id);
    product.stock += by;
    const values = { stock: String(product.stock) };
    return { answer: product, drafts: [{ kind: 'update', table: 'products', row: id, entity: product, values }] };
  };
}
