import { randomUUID } from 'node:crypto';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, WriteThrough, type SpillwayOptions } from '../../../src/index.js';
import { FLUSH_DEFAULTS } from '../../../src/flush/flush-settings.js';
import { openPostgresSink } from '../../../src/sink/postgres/open-postgres-sink.js';

/** Releases of an application, of which the older reads an entity through the cache. */
const PROPERTIES = {
  id: p.string().primary(),
  name: p.string(),
  version: p.integer().version(),
};

interface Row {
  id: string;
  name: string;
}

interface App {
  readonly orm: MikroORM;
  readonly Product: never;
}

let db: Database;
let namespace: string;
const apps: MikroORM[] = [];

beforeEach(async () => {
  db = await database();
  namespace = freshNamespace();
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((orm) => orm.close()));
  await db.drop();
});

async function release(
  policy: ((target: never) => void) | undefined,
  own: Partial<SpillwayOptions> = {},
): Promise<App> {
  const Product = defineEntity({ name: 'Product', tableName: 'product', properties: PROPERTIES });
  policy?.(Product.class as never);
  const orm = await MikroORM.init({
    entities: [Product],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace, shards: 2, worker: false, tables: { ensure: true }, ...own }),
    ],
  });
  apps.push(orm);
  return { orm, Product: Product as never };
}

/** By SQL, in every release: what is staged takes copies away by itself. */
async function rename({ orm, Product }: App, id: string, name: string): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    Object.assign(await em.findOneOrFail<Row>(Product, id), { name });
  });
}

async function nameIn({ orm, Product }: App, id: string): Promise<string> {
  return (await orm.em.fork().findOneOrFail<Row>(Product, id)).name;
}

/** Whether a row comes from its copy: PostgreSQL has another name by then. */
async function isCopied(app: App, id: string): Promise<boolean> {
  const real = await nameIn(app, id);
  const sql = async (name: string) =>
    app.orm.em.getConnection().execute('update product set name = ? where id = ?', [name, id]);
  await sql(`not ${real}`);
  const seen = await nameIn(app, id);
  await sql(real);
  return seen === real;
}

const CACHE = { cache: { ttl: '5m' } } as const;
const BEHIND = WriteBehind({ debounce: '1h', maxDelay: '1h', ...CACHE });
const OLD: readonly [string, (target: never) => void][] = [
  ['written behind', BEHIND],
  ['written through', WriteThrough(CACHE)],
];
const NEW: readonly [string, ((target: never) => void) | undefined, Partial<SpillwayOptions>][] = [
  ['enabled: false', BEHIND, { enabled: false, leaveAfter: 0 }],
  ['enabled: false, and no cache', WriteBehind(), { enabled: false, leaveAfter: 0 }],
  ['@WriteThrough() without a cache', WriteThrough(), { leaveAfter: 0 }],
  ['@WriteBehind() without a cache', WriteBehind(), {}],
  ['no policy', undefined, { leaveAfter: 0 }],
];

describe.each(OLD)('an entity that the older release caches, %s', (_, policy) => {
  test.each(NEW)('is never read stale there while a newer one has it with %s (F37)', async (__, next, options) => {
    const old = await release(policy);
    await old.orm.schema.create();
    const em = old.orm.em.fork();
    const id = randomUUID();
    em.create<Row>(old.Product, { id, name: 'first' } as never);
    await em.flush();
    await Spillway.of(old.orm).drain();
    expect(await nameIn(old, id)).toBe('first');
    expect(await isCopied(old, id)).toBe(true);

    const newer = await release(next, options);
    for (const name of ['second', 'third']) {
      await rename(newer, id, name);
      expect(await nameIn(old, id)).toBe(name);
      expect(await nameIn(newer, id)).toBe(name);
    }
    // Nor once it has been started anew; and it says why it has no cache.
    const said: string[] = [];
    const again = await release(policy, { logger: { warn: (text) => void said.push(text), error: () => undefined } });
    expect(await nameIn(again, id)).toBe('third');
    await rename(newer, id, 'fourth');
    expect(await nameIn(again, id)).toBe('fourth');
    expect(said).toEqual([expect.stringMatching(/^Spillway: Product is not cached, for a release .*rejoin\(\)$/)]);

    await newer.orm.close();
    await Spillway.of(again.orm).rejoin();
    await eventually(async () => expect(await isCopied(again, id)).toBe(true));
    await rename(again, id, 'fifth');
    for (const app of [old, again]) expect(await nameIn(app, id)).toBe('fifth');
  });
});

test('copies of an entity that a release without a cache has written are believed by nobody, also after a year', async () => {
  const old = await release(WriteThrough(CACHE));
  await old.orm.schema.create();
  const em = old.orm.em.fork();
  const id = randomUUID();
  em.create<Row>(old.Product, { id, name: 'first' } as never);
  await em.flush();
  expect(await nameIn(old, id)).toBe('first');
  const newer = await release(WriteThrough(), { leaveAfter: 0 });
  await rename(newer, id, 'second');
  await old.orm.close();

  await newer.orm.em.getConnection().execute(`update spillway_batch set written_at = now() - interval '1 year'`);
  await using sink = prunes();
  await sink.prune();

  const again = await release(WriteThrough(CACHE));
  expect(await nameIn(again, id)).toBe('second');
  await rename(newer, id, 'third');
  expect(await nameIn(again, id)).toBe('third');
});

/** What every worker does now and then. */
function prunes(): AsyncDisposable & { prune(): Promise<number> } {
  const sink = openPostgresSink({ connection: { connectionString: db.url }, namespace, poolSize: 1, tables: [] });
  return {
    prune: async () => sink.prune(FLUSH_DEFAULTS.ledgerAgeMs, []),
    [Symbol.asyncDispose]: () => sink.close(),
  };
}
