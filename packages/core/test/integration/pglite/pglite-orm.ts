import { PGlite } from '@electric-sql/pglite';
import { MikroORM, type Options } from '@mikro-orm/pglite';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { afterAll, beforeAll } from 'vitest';
import { spillway, type SpillwayOptions } from '../../../src/index.js';
import type { SpillwayExtension } from '../../../src/spillway.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { Author, Book } from '../cache/library.js';
import { Customer, Note, Order, Product } from '../mikro-orm/shop.js';

const ENTITIES = [Product, Customer, Order, Note, Author, Book];

type Settings = Partial<SpillwayOptions<never>>;

/**
 * A PGlite of the test file's own, since it takes seconds to begin, and ORMs on it one after the other: each begins
 * with empty tables, and nothing staged.
 */
export interface PgliteShop {
  readonly pglite: PGlite;
  /** Closes the one before. */
  orm(settings?: Settings, options?: Partial<Options>): Promise<MikroORM>;
}

export function pgliteShop(make: (settings: SpillwayOptions<never>) => SpillwayExtension = spillway): PgliteShop {
  let pglite: PGlite;
  let orm: MikroORM | undefined;
  beforeAll(async () => {
    pglite = await PGlite.create();
    const plain = await MikroORM.init({ entities: ENTITIES, driverOptions: { pglite } });
    await plain.schema.create();
    await plain.close();
  });
  afterAll(async () => {
    await orm?.close();
    await pglite.close();
  });
  return {
    get pglite() {
      return pglite;
    },
    orm: async (settings = {}, options = {}) => {
      await orm?.close();
      await pglite.exec('truncate product, customer, customer_order, note, author, book cascade');
      orm = await MikroORM.init({
        entities: ENTITIES,
        driverOptions: { pglite },
        extensions: [
          make({
            namespace: freshNamespace(),
            shards: 4,
            worker: false,
            tables: { ensure: true },
            ...stagedIn(settings),
          }),
        ],
        ...options,
      });
      return orm;
    },
  };
}

/** In memory, unless a test wants Redis. */
function stagedIn(settings: Settings): SpillwayOptions<never> {
  if (!('redis' in settings)) return { staging: () => memoryStaging({ shards: 4 }), ...settings };
  return { ...settings, redis: settings.redis === 'shared' ? sharedRedisUrl() : settings.redis };
}

export async function newProduct(orm: MikroORM, values: Partial<Product> = {}): Promise<string> {
  const em = orm.em.fork();
  const product = em.create(Product, { name: 'Kettle', ...values });
  await em.flush();
  return product.id;
}

/** What the database has. */
export async function productRows(pglite: PGlite, id: string): Promise<unknown[]> {
  const { rows } = await pglite.query('select name, views, version from product where id = $1', [id]);
  return rows;
}
