import { defineConfig, type Options } from '@mikro-orm/postgresql';
import type { SpillwayExtension, SpillwayOptions } from '@spillway/core';
import { Cart } from './carts/cart.js';
import { Product } from './catalogue/product.js';
import { Stock } from './catalogue/stock.js';
import { Order } from './orders/order.js';

export function ormConfig(extension: SpillwayExtension): Options {
  return defineConfig({
    entities: [Product, Stock, Cart, Order],
    clientUrl: process.env['DATABASE_URL'] ?? 'postgres://localhost:5432/shop',
    useBatchUpdates: false, // before MikroORM 7.2.5: each update compares its version
    extensions: [extension],
  });
}

/** All processes stage; only the worker writes. */
export function spillwayOptions(worker: boolean): SpillwayOptions {
  return {
    redis: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
    namespace: 'nestjs-shop',
    worker,
    tables: { ensure: true },
  };
}
