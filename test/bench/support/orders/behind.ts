import { MikroORM } from '@mikro-orm/postgresql';
import { spillway, Spillway, WriteBehind } from '@spillway/core';
import type { Ground } from '../../process/side.js';
import { logger } from '../stands.js';
import { Customer, Product } from './shop.js';

/** The shop, written behind, with the cache on. One of its processes has the worker. */
export async function openBehind(ground: Ground, worker: boolean): Promise<MikroORM> {
  const cache = { ttl: '1h' } as const;
  WriteBehind<Product>({ cache })(Product.class);
  WriteBehind<Customer>({ cache })(Customer.class);
  const { redisUrl: redis, databaseUrl: clientUrl, namespace } = ground;
  const orm = await MikroORM.init({
    entities: [Product, Customer],
    clientUrl,
    extensions: [spillway({ redis, namespace, worker, logger, tables: { ensure: true } })],
  });
  await Spillway.of(orm).start();
  return orm;
}
