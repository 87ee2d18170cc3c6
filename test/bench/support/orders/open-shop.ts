import type { MikroORM } from '@mikro-orm/postgresql';
import { WriteBehind } from '@spillway/core';
import type { Ground } from '../../process/side.js';
import { openBehind } from '../open-behind.js';
import { Customer, Product } from './shop.js';

/** The shop, written behind, with the cache on. One of its processes has the worker. */
export function openShop(ground: Ground, worker: boolean): Promise<MikroORM> {
  const cache = { ttl: '1h' } as const;
  WriteBehind<Product>({ cache })(Product.class);
  WriteBehind<Customer>({ cache })(Customer.class);
  return openBehind(ground, [Product, Customer], worker);
}
