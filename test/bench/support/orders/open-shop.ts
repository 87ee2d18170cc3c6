import type { MikroORM } from '@mikro-orm/postgresql';
import { WriteBehind, type WritePolicy } from '@spillway/core';
import type { Ground } from '../../process/side.js';
import { openBehind } from '../open-behind.js';
import { Customer, Product } from './shop.js';

interface ShopOptions {
  /** One of the processes has it. */
  readonly worker?: boolean;
  /** Whether what an order adds to or takes from is a counter. */
  readonly counters?: boolean;
}

/** The shop, written behind, with the cache on. */
export function openShop(ground: Ground, { worker = false, counters = false }: ShopOptions = {}): Promise<MikroORM> {
  const cache = { ttl: '1h' } as const;
  const ofProduct: WritePolicy<Product> = { cache, ...(counters && { counters: ['stock'] }) };
  const ofCustomer: WritePolicy<Customer> = { cache, ...(counters && { counters: ['orders', 'spentCents'] }) };
  WriteBehind<Product>(ofProduct)(Product.class);
  WriteBehind<Customer>(ofCustomer)(Customer.class);
  return openBehind(ground, [Product, Customer], worker);
}
