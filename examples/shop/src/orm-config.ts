import type { PGlite } from '@electric-sql/pglite';
import { defineConfig as definePgliteConfig } from '@mikro-orm/pglite';
import { defineConfig } from '@mikro-orm/postgresql';
import { spillway, type WorkerOptions } from '@spillway/core';
import { memoryStaging } from '@spillway/core/testing';
import { Customer, Order, OrderLine, Product } from './entities.js';
import type { Settings } from './processes/settings.js';
import { schemaOf } from './shop/kind.js';

const common = {
  entities: [Product, Customer, Order, OrderLine],
  useBatchUpdates: false, // before MikroORM 7.2.5: each update compares its version
};

/** The one configuration of all processes. They differ in who writes to the database: `worker: false` only stages. */
export function shopConfig({ databaseUrl, redis, durability, namespace }: Settings, worker: false | WorkerOptions) {
  return defineConfig({
    ...common,
    clientUrl: databaseUrl,
    extensions: [spillway({ redis, namespace, worker, defaults: { durability }, tables: { ensure: true } })],
  });
}

/** Plain MikroORM. Without the extension `@WriteBehind` is a mark on a class that nobody reads. */
export function plainConfig({ databaseUrl }: Pick<Settings, 'databaseUrl'>) {
  return defineConfig({ ...common, clientUrl: databaseUrl, schema: schemaOf.plain });
}

/** The configuration of a shop in one process, whose worker shares the one connection of PGlite with the requests. */
export function embeddedShopConfig(pglite: PGlite) {
  return definePgliteConfig({
    ...common,
    driverOptions: { pglite },
    extensions: [spillway({ staging: (settings) => memoryStaging(settings), tables: { ensure: true } })],
  });
}

/** Plain MikroORM on the same PGlite. */
export function embeddedPlainConfig(pglite: PGlite) {
  return definePgliteConfig({ ...common, driverOptions: { pglite }, schema: schemaOf.plain });
}
