import { MikroORM } from '@mikro-orm/postgresql';
import {
  areRightsLimited,
  database,
  eventually,
  freshNamespace,
  redis,
  sharedRedisUrl,
  type Database,
} from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { spillway, Spillway, type SpillwayEvent, type SpillwayOptions } from '../../../src/index.js';
import { Customer, Note, Order, Product, shopOrm } from './shop.js';

let db: Database;
let orm: MikroORM;
let events: SpillwayEvent[];

beforeEach(async () => {
  db = await database();
  await begin();
  await orm.schema.create();
});

afterEach(async () => {
  await orm.close();
  await db.drop();
});

/** An ORM that stages only: what is pending stays pending until a test drains it. */
async function begin(settings: Partial<SpillwayOptions> = {}): Promise<void> {
  events = [];
  orm = await shopOrm(db.url, { worker: false, ...settings });
  Spillway.of(orm).events$.subscribe((event) => events.push(event));
}

async function make(name: string): Promise<Product> {
  const em = orm.em.fork();
  const product = em.create(Product, { name });
  await em.flush();
  return product;
}

async function names(): Promise<unknown[]> {
  const rows = await orm.em.getConnection().execute<{ name: string }[]>('select name from product order by name');
  return rows.map(({ name }) => name);
}

const status = () => Spillway.of(orm).status();
const emptied = () => events.filter(({ type }) => type === 'emptied');

/** Every way in which the rows of all entities go away. */
const CLEARING: readonly [string, (orm: MikroORM) => Promise<void>][] = [
  ['clear()', async ({ schema }) => schema.clear()],
  ['clear({ truncate: false })', async ({ schema }) => schema.clear({ truncate: false })],
  ['refresh()', async ({ schema }) => schema.refresh()],
  [
    'drop()',
    async ({ schema }) => {
      await schema.drop();
      await schema.create();
    },
  ],
  [
    'drop() of driver.getPlatform().getSchemaGenerator()',
    async ({ driver, em }) => {
      const generator = driver.getPlatform().getSchemaGenerator(driver, em);
      await generator.drop();
      await generator.create();
    },
  ],
];

describe.each(CLEARING)('schema.%s', (_, clear) => {
  test('throws away what is pending, dead and remembered, and says so', async () => {
    const kept = await make('kept so far');
    await Spillway.of(orm).drain();
    const loaded = await orm.em.fork().findOneOrFail(Product, kept.id);
    loaded.name = 'changed';
    await make('pending');
    await Spillway.of(orm).increment(Product, crypto.randomUUID(), { views: 1 });
    await Spillway.of(orm).drain();
    await make('pending too');
    expect(await status()).toMatchObject({ pending: { Product: 1 }, dead: 1 });

    await clear(orm);
    expect(await status()).toMatchObject({ pending: {}, inFlight: 0, dead: 0 });
    expect(emptied()).toEqual(
      [
        {
          type: 'emptied',
          tables: ['public.customer', 'public.product', 'public.customer_order'].toSorted(),
          records: 1,
          dead: 1,
        },
      ].map((event) => ({
        ...event,
        tables: expect.toSatisfy((tables: string[]) => tables.toSorted().join() === event.tables.join()),
      })),
    );
    await Spillway.of(orm).drain();
    expect(await names()).toEqual([]);

    const em = orm.em.fork();
    em.create(Product, { id: kept.id, name: 'made anew' });
    await em.flush();
    const seen = await orm.em.fork().findOneOrFail(Product, kept.id);
    expect([seen.name, seen.version]).toEqual(['made anew', 1]);
    await Spillway.of(orm).drain();
    expect(await names()).toEqual(['made anew']);
    expect(await status()).toMatchObject({ pending: {}, dead: 0 });
  });

  test('lets numbered keys begin anew', async () => {
    const first = orm.em.fork().create(Customer, { name: 'first' });
    await orm.em.fork().persist(first).flush();
    await clear(orm);
    const makeCustomers = async (count: number): Promise<void> => {
      const em = orm.em.fork();
      for (let i = 0; i < count; i++) em.create(Customer, { name: `customer ${i}` });
      await em.flush();
    };
    await makeCustomers(300);
    await Spillway.of(orm).drain();
    const [row] = await orm.em
      .getConnection()
      .execute('select count(*)::int, count(distinct id)::int as ids from customer');
    expect(row).toEqual({ count: 300, ids: 300 });
  });
});

// Only the owner of a database drops it.
describe.skipIf(areRightsLimited())('schema.refresh({ dropDb: true })', () => {
  test('begins the namespace anew with the new database', async () => {
    await make('pending');
    await orm.schema.refresh({ dropDb: true });
    expect(emptied()).toEqual([{ type: 'emptied', records: 1, dead: 0 }]);
    expect(await status()).toMatchObject({ pending: {}, staged: 0 });
    await make('of the new database');
    await Spillway.of(orm).drain();
    expect(await names()).toEqual(['of the new database']);
    expect(events.filter(({ type }) => type === 'staging-loss')).toEqual([]);
  });

  test('drop({ dropDb: true }) and dropDatabase() likewise', async () => {
    for (const drop of [async () => orm.schema.drop({ dropDb: true }), async () => orm.schema.dropDatabase()]) {
      await make('pending');
      await drop();
      expect(emptied()).toHaveLength(1);
      await orm.schema.createDatabase();
      await orm.schema.create();
      await make('anew');
      await Spillway.of(orm).drain();
      expect(await names()).toEqual(['anew']);
      events = [];
    }
  });

  test('of another database than that of the ORM leaves what is staged alone', async () => {
    await using other = await database();
    await make('pending');
    await orm.schema.dropDatabase(other.name);
    expect(emptied()).toEqual([]);
  });
});

describe('only what goes away is thrown away', () => {
  test.each<[string, (orm: MikroORM) => Promise<unknown>]>([
    ['schema.update()', async ({ schema }) => schema.update()],
    ['schema.ensureDatabase()', async ({ schema }) => schema.ensureDatabase()],
    ['schema.getDropSchemaSQL()', async ({ schema }) => schema.getDropSchemaSQL()],
    ['schema.clear() of another schema', async ({ schema }) => schema.clear({ schema: 'elsewhere' })],
    ['schema.drop() of another schema', async ({ schema }) => schema.drop({ schema: 'elsewhere' })],
  ])('%s leaves what is staged alone', async (_, act) => {
    await make('pending');
    await act(orm);
    expect(emptied()).toEqual([]);
    await Spillway.of(orm).drain();
    expect(await names()).toEqual(['pending']);
  });

  test('a table that the generator skips is left alone', async () => {
    await orm.close();
    const extension = spillway({
      redis: sharedRedisUrl(),
      namespace: freshNamespace(),
      worker: false,
      tables: { ensure: true },
    });
    orm = await MikroORM.init({
      entities: [Product, Customer, Order, Note],
      clientUrl: db.url,
      extensions: [extension],
      schemaGenerator: { skipTables: ['product'] },
    });
    await make('pending');
    await orm.em
      .fork()
      .persist(orm.em.fork().create(Customer, { name: 'gone' }))
      .flush();
    await orm.schema.clear();
    expect((await status()).pending).toEqual({ Product: 1 });
  });

  test('dropTableIfExists() and dropNamespace() concern their tables', async () => {
    const generator = orm.schema as MikroORM['schema'] & {
      dropNamespace(name: string): Promise<void>;
      dropTableIfExists(name: string): Promise<void>;
    };
    await make('pending');
    await generator.dropNamespace('elsewhere');
    await generator.dropTableIfExists('note');
    expect((await status()).pending).toEqual({ Product: 1 });
    await generator.dropTableIfExists('product');
    expect((await status()).pending).toEqual({});
  });
});

describe('where nothing can be staged yet', () => {
  test.skipIf(areRightsLimited())('a database that does not exist: nothing is opened', async () => {
    await orm.close();
    await db.drop();
    await begin({ redis: 'redis://127.0.0.1:1' });
    await orm.schema.refresh();
    expect(await names()).toEqual([]);
  });

  test('a database without Spillway’s tables, or without shards of the namespace: nothing is opened', async () => {
    await orm.close();
    await begin({ redis: 'redis://127.0.0.1:1', tables: { ensure: false } });
    await orm.schema.clear();
    await expect(make('anything')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const other = await shopOrm(db.url, { worker: false });
    await Spillway.of(other).start();
    await other.close();
    await orm.schema.clear();
  });
});

test('a Redis that cannot be reached keeps the tables from being cleared', async () => {
  await orm.close();
  await using server = await redis();
  await begin({ redis: server.url, stageTimeout: '100ms' });
  await make('written');
  await Spillway.of(orm).drain();
  await server.kill9();
  await expect(orm.schema.clear()).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
  await eventually(async () => expect(await names()).toEqual(['written']));
});
