import { defineConfig } from '@mikro-orm/postgresql';
import { spillway, type WorkerOptions } from '@spillway/core';
import { Customer, Order, OrderLine, Product } from './entities.js';
import type { Settings } from './processes/settings.js';

/** The one configuration of all processes. They differ in who writes to the database: `worker: false` only stages. */
export function shopConfig({ databaseUrl, redisUrl, namespace }: Settings, worker: false | WorkerOptions) {
  return defineConfig({
    clientUrl: databaseUrl,
    useBatchUpdates: false, // before MikroORM 7.2.5: each update compares its version
    entities: [Product, Customer, Order, OrderLine],
    extensions: [spillway({ redis: redisUrl, namespace, worker, tables: { ensure: true } })],
  });
}
