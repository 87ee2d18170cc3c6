import {
  defineEntity,
  MikroORM,
  p,
  type Collection,
  type EntityManager,
  type EntitySchema,
} from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, redis, sharedRedisUrl, type Database } from '@spillway/test-support';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, WriteThrough, type SpillwayOptions } from '../../../src/index.js';

const PROPERTIES = {
  id: p.string().primary(),
  name: p.string(),
  views: p.integer().default(0),
  version: p.integer().version(),
};

/** One release of an application: its entity, which carries one policy or none, and what it sets of Spillway. */
interface Release {
  /** Of the class of the products. A release may have renamed it; the table stays. */
  readonly name?: string;
  readonly policy?: (target: never) => void;
  /** Of the orders of a product. */
  readonly ofOrders?: (target: never) => void;
  readonly spillway?: Partial<SpillwayOptions>;
  readonly pool?: { readonly min: number; readonly max: number };
}

interface App {
  readonly orm: MikroORM;
  readonly Product: never;
  readonly Order: never;
  readonly service: Spillway;
}

let db: Database;
let namespace: string;
const apps: MikroORM[] = [];

beforeEach(async () => {
  db = await database();
  namespace = freshNamespace();
  const first = await release({});
  await first.orm.schema.create();
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((orm) => orm.close()));
  await db.drop();
});

/** Each release has classes of its own, as in a process of its own; nothing is written unless a test asks for it. */
async function release({ name = 'Product', policy, ofOrders, pool, spillway: own = {} }: Release): Promise<App> {
  const Product: EntitySchema = defineEntity({
    name,
    tableName: 'product',
    properties: { ...PROPERTIES, orders: () => p.oneToMany(Order).mappedBy('product').orphanRemoval() },
  });
  policy?.(Product.class as never);
  const Order: EntitySchema = defineEntity({
    name: 'Order',
    tableName: 'customer_order',
    properties: { id: p.string().primary(), product: () => p.manyToOne(Product) },
  });
  ofOrders?.(Order.class as never);
  const orm = await MikroORM.init({
    entities: [Product, Order],
    clientUrl: db.url,
    useBatchUpdates: false,
    ...(pool && { pool }),
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace,
        shards: 4,
        worker: false,
        tables: { ensure: true },
        leaveAfter: '0ms',
        defaults: { drainTimeout: '1s' },
        ...own,
      }),
    ],
  });
  apps.push(orm);
  return { orm, Product: Product as never, Order: Order as never, service: Spillway.of(orm) };
}

const SILENT = { warn: () => undefined, error: () => undefined };
const BEHIND = WriteBehind({ debounce: '1h', maxDelay: '1h' });
const COUNTING = WriteBehind({ debounce: '1h', maxDelay: '1h', counters: ['views'] } as never);

interface Row {
  id: string;
  name: string;
  views: number;
  version: number;
}

async function make({ orm, Product }: App, id: string, values: Partial<Row> = {}): Promise<void> {
  const em = orm.em.fork();
  em.create<Row>(Product, { id, name: 'made', ...values } as never);
  await em.flush();
}

async function find({ orm, Product }: App, id: string, em: EntityManager = orm.em.fork()): Promise<Row | null> {
  return em.findOne<Row>(Product, id);
}

async function change(app: App, id: string, values: Partial<Row>): Promise<void> {
  const em = app.orm.em.fork();
  Object.assign((await find(app, id, em)) ?? {}, values);
  await em.flush();
}

async function rows(): Promise<Row[]> {
  return apps[0]?.em.getConnection().execute('select id, name, views, version from product order by id') as never;
}

async function order({ orm, Order }: App, id: string, product: string = 'a'): Promise<void> {
  const em = orm.em.fork();
  em.create(Order, { id, product } as never);
  await em.flush();
}

async function refusal(act: Promise<unknown>): Promise<{ code?: string; message: string }> {
  return act.then(
    () => ({ message: 'nothing was refused' }),
    (error: unknown) => error as { code?: string; message: string },
  );
}

/** The statements of a block of docs/adopting.md, for the namespace of the test. */
function documented(file: string): readonly string[] {
  const text = readFileSync(new URL('../../../../../docs/adopting.md', import.meta.url), 'utf8');
  const block = new RegExp(`^\`\`\`sql\\n-- ${file}\\n(.*?)^\`\`\``, 'msu').exec(text)?.[1] ?? '';
  const statements = block
    .replaceAll(/ -- .*$/gmu, '')
    .replaceAll("'shop'", `'${namespace}'`)
    .split(';');
  return statements.map((statement) => statement.trim()).filter(Boolean);
}

/** The entities that are staged by any release. */
async function registered(): Promise<unknown> {
  return apps[0]?.em.getConnection().execute(documented('staged-entities.sql').join(';'));
}

const pending = async ({ service }: App) => (await service.status()).pending;

/** A process that writes by SQL what others stage: told to, or by the policy of its release. */
const LEAVING: readonly [string, Release][] = [
  ['enabled: false', { policy: COUNTING, spillway: { enabled: false } }],
  ['@WriteThrough', { policy: WriteThrough() }],
];

describe.each(LEAVING)('with %s and records pending (F37)', (_, next) => {
  let old: App;

  beforeEach(async () => {
    old = await release({ policy: COUNTING });
    await make(old, 'a');
    await old.service.drain();
    await change(old, 'a', { name: 'changed' });
    await old.service.increment(old.Product, 'a', { views: 5 });
    await make(old, 'b');
  });

  test('a look-up and a query see what is pending', async () => {
    const app = await release({ ...next, spillway: { ...next.spillway, leaveAfter: '1h' } });
    expect(await rows()).toMatchObject([{ id: 'a', name: 'made', views: 0 }]);
    expect(await find(app, 'a')).toMatchObject({ name: 'changed', views: 5 });
    const all = await app.orm.em.fork().find<Row>(app.Product, {}, { orderBy: { id: 1 } as never });
    expect(all.map(({ id, views }) => [id, views])).toEqual([
      ['a', 5],
      ['b', 0],
    ]);
  });

  test('a change is written by SQL after what is pending, and what others stage is seen', async () => {
    const app = await release({ ...next, spillway: { ...next.spillway, leaveAfter: '1h' } });
    await change(app, 'b', { name: 'by SQL' });
    expect((await rows()).at(-1)).toEqual({ id: 'b', name: 'by SQL', views: 0, version: 2 });
    await change(old, 'b', { name: 'staged again' });
    expect(await pending(old)).toEqual({ Product: 1 });
    await change(app, 'b', { views: 7 });
    expect((await rows()).at(-1)).toEqual({ id: 'b', name: 'staged again', views: 7, version: 4 });
    await make(old, 'c');
    await app.orm.em.fork().nativeUpdate<Row>(app.Product, { name: 'made' }, { views: 9 });
    expect((await rows()).at(-1)).toMatchObject({ id: 'c', views: 9 });
  });

  test('once everything is written it has left: plain MikroORM, without Redis, and the old release is refused', async () => {
    const app = await release(next);
    await change(app, 'a', { name: 'by SQL' });
    await eventually(async () => {
      expect(await refusal(change(old, 'a', { name: 'staged' }))).toMatchObject({ code: 'POLICY_MISMATCH' });
    });
    const { message } = await refusal(make(old, 'x'));
    expect(message).toMatch(/^Product x was not staged: this entity was left: .*rejoin\(\) \[POLICY_MISMATCH\]$/);
    expect(await rows()).toMatchObject([
      { id: 'a', name: 'by SQL', views: 5 },
      { id: 'b', name: 'made' },
    ]);

    const later = await release({ ...next, spillway: { ...next.spillway, redis: 'redis://127.0.0.1:1' } });
    await change(later, 'a', { name: 'without Redis' });
    await make(later, 'c');
    expect((await find(later, 'a'))?.name).toBe('without Redis');
    expect((await rows()).map(({ name }) => name)).toEqual(['without Redis', 'made', 'made']);
  });

  test('what keeps Redis from being asked keeps this process from writing past it', async () => {
    const app = await release({ ...next, spillway: { ...next.spillway, redis: 'redis://127.0.0.1:1' } });
    expect(await refusal(change(app, 'a', { name: 'past it' }))).toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    expect(await refusal(find(app, 'a'))).toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    expect(await refusal(make(app, 'c'))).toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    expect(await rows()).toMatchObject([{ id: 'a', name: 'made', views: 0 }]);
  });

  test('what keeps Redis from being asked keeps nobody from other entities, not even at first', async () => {
    const app = await release({ ...next, spillway: { ...next.spillway, redis: 'redis://127.0.0.1:1' } });
    expect(await app.orm.em.fork().find(app.Order, {})).toEqual([]);
    expect(await refusal(find(app, 'a'))).toMatchObject({ code: 'STAGING_UNAVAILABLE' });
  });

  test('plain entities refer to what is pending', async () => {
    const app = await release(next);
    const em = app.orm.em.fork();
    em.create('Order' as never, { id: 'o', product: 'b' } as never);
    await em.flush();
    expect((await rows()).map(({ id }) => id)).toEqual(['a', 'b']);
  });
});

test('an entity that is being left is drained, and no other one', async () => {
  const old = await release({ policy: BEHIND });
  await make(old, 'a');
  await old.service.drain();
  const app = await release({ policy: WriteThrough(), ofOrders: BEHIND, spillway: { leaveAfter: '1h' } });
  const em = app.orm.em.fork();
  em.create(app.Order, { id: 'o', product: 'a' } as never);
  await em.flush();
  await change(old, 'a', { name: 'changed' });
  expect(await pending(old)).toEqual({ Product: 1, Order: 1 });
  await eventually(async () => {
    await find(app, 'a');
    expect(await rows()).toMatchObject([{ id: 'a', name: 'changed' }]);
  });
  expect(await pending(old)).toEqual({ Order: 1 });
});

test('an entity that is being left with nothing pending leaves the changes of those that it refers to where they are', async () => {
  const old = await release({ policy: BEHIND, ofOrders: BEHIND });
  await make(old, 'a');
  await order(old, 'o');
  await old.service.drain();
  await change(old, 'a', { name: 'changed' });
  const app = await release({ policy: BEHIND, ofOrders: WriteThrough(), spillway: { leaveAfter: '1h' } });
  // The first read waits for an attempt.
  expect(await app.orm.em.fork().findOne(app.Order, 'o')).toMatchObject({ id: 'o' });
  expect(await pending(old)).toEqual({ Product: 1 });

  // Nor does one of its changes that waits for none of theirs write these.
  await order(old, 'p');
  const again = await release({ policy: BEHIND, ofOrders: WriteThrough(), spillway: { leaveAfter: '1h' } });
  expect(await again.orm.em.fork().findOne(again.Order, 'p')).toMatchObject({ id: 'p' });
  expect(await pending(old)).toEqual({ Product: 1 });
});

test('an entity that is being left is written with the rows that its own wait for', async () => {
  const old = await release({ policy: BEHIND, ofOrders: BEHIND });
  await make(old, 'a');
  await order(old, 'o');
  const app = await release({ policy: BEHIND, ofOrders: WriteThrough() });
  expect(await app.orm.em.fork().findOne(app.Order, 'o')).toMatchObject({ id: 'o' });
  expect(await pending(old)).toEqual({});
  expect(await refusal(order(old, 'p'))).toMatchObject({ code: 'POLICY_MISMATCH' });
});

describe('a table that two releases stage under two names (F37)', () => {
  const NAMES = [
    ['Product', 'Item'],
    ['Item', 'Product'],
  ] as const;

  test.each(NAMES)('is left under both, first staged as %s, then as %s', async (first, second) => {
    const one = await release({ name: first, policy: BEHIND });
    const other = await release({ name: second, policy: BEHIND });
    await make(one, 'a');
    await make(other, 'b');
    expect(await pending(one)).toEqual({ Product: 1, Item: 1 });
    const app = await release({ name: 'Item', policy: BEHIND, spillway: { enabled: false } });
    expect(await find(app, 'a')).toMatchObject({ id: 'a' });
    expect((await rows()).map(({ id }) => id)).toEqual(['a', 'b']);
    for (const staging of [one, other])
      expect(await refusal(make(staging, 'c'))).toMatchObject({ code: 'POLICY_MISMATCH' });
    expect(await registered()).toEqual([]);
  });

  test.each(NAMES)('is not read past what is pending as %s once it is left as %s', async (first, second) => {
    const one = await release({ name: first, policy: BEHIND });
    await (await release({ name: second, policy: BEHIND })).service.start();
    await make(one, 'a');
    await one.service.drain();
    await change(one, 'a', { name: 'changed' });
    const app = await release({ name: 'Item', policy: WriteThrough(), spillway: { logger: SILENT } });
    const holder = one.orm.em.fork();
    await holder.begin();
    await holder.execute('select from spillway_shard for update');
    try {
      // The first read waits for an attempt, which finds all shards locked.
      for (const _ of ['first', 'second']) expect(await find(app, 'a')).toMatchObject({ name: 'changed' });
      expect(await registered()).toEqual([{ entity: first }]);
    } finally {
      await holder.rollback();
    }
  });

  test.each(NAMES)('is refused without a policy until both are left, first %s, then %s', async (first, second) => {
    await (await release({ name: first, policy: BEHIND })).service.start();
    const other = await release({ name: second, policy: BEHIND });
    await make(other, 'a');
    const app = await release({ name: 'Product' });
    expect((await refusal(find(app, 'a'))).message).toContain('changes of it are pending');
    await other.service.drain();
    expect(await find(app, 'a')).toMatchObject({ id: 'a' });
    expect(await registered()).toEqual([]);
  });
});

describe('a removed decorator (F37)', () => {
  test('with records pending: nothing is written or read past them, and the message says what to do', async () => {
    const old = await release({ policy: COUNTING });
    await make(old, 'a');
    const app = await release({});
    const acts = [() => find(app, 'a'), () => make(app, 'b'), () => app.orm.em.fork().nativeDelete(app.Product, {})];
    for (const act of acts) {
      const { code, message } = await refusal(act());
      expect(code).toBe('POLICY_MISMATCH');
      expect(message).toMatch(
        /^Product has no policy in this process, .*: changes of it are pending\. Nothing was done\. Put @WriteThrough\(\) on Product /,
      );
    }
    await old.service.drain();
    await make(app, 'b');
    expect((await rows()).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(await refusal(make(old, 'c'))).toMatchObject({ code: 'POLICY_MISMATCH' });
  });

  test('with records pending of a collection that nobody has loaded: it is not set past them', async () => {
    const old = await release({ ofOrders: BEHIND });
    await make(old, 'a');
    const orders = old.orm.em.fork();
    orders.create(old.Order, { id: 'o', product: 'a' } as never);
    await orders.flush();
    const app = await release({});
    const em = app.orm.em.fork();
    const product: { orders: Collection<object> } = await em.findOneOrFail(app.Product, 'a' as never);
    product.orders.removeAll();
    const { code, message } = await refusal(em.flush());
    expect(code).toBe('POLICY_MISMATCH');
    expect(message).toMatch(
      /^Order has no policy in this process, .*: changes of it are pending\. Nothing was done\. /,
    );
  });

  test('while the old release stages: it is refused until that is over', async () => {
    const old = await release({ policy: COUNTING });
    await make(old, 'a');
    await old.service.drain();
    const app = await release({ spillway: { leaveAfter: '1h' } });
    expect((await refusal(make(app, 'b'))).message).toContain('another process has staged it a moment ago');
  });

  test('while a transaction holds changes: it is refused, and the message knows of such transactions', async () => {
    const old = await release({ policy: WriteBehind({ debounce: '1h', maxDelay: '1h', transactions: 'stage' }) });
    const app = await release({});
    const holding = old.orm.em.fork();
    await holding.begin();
    holding.create<Row>(old.Product, { id: 'a', name: 'held' } as never);
    await holding.flush();
    const { code, message } = await refusal(make(app, 'b'));
    await holding.rollback();
    expect(code).toBe('POLICY_MISMATCH');
    expect(message).toContain(
      ': a transaction that has not ended may hold changes of it, or another process has staged',
    );
    await make(app, 'b');
  });

  test('of an entity that was never staged concerns nobody: neither Redis nor its tables are needed', async () => {
    const app = await release({ spillway: { redis: 'redis://127.0.0.1:1', tables: { ensure: false } } });
    await make(app, 'a');
    expect((await find(app, 'a'))?.name).toBe('made');
  });
});

describe('two releases side by side', () => {
  test('that differ in how long records wait share what is pending', async () => {
    const old = await release({ policy: COUNTING });
    const other = await release({
      policy: WriteBehind({ debounce: '5ms', counters: ['views'], retry: { attempts: 2 }, maxPending: 10 } as never),
    });
    await make(old, 'a');
    await change(other, 'a', { name: 'changed' });
    await change(old, 'a', { name: 'changed again' });
    expect(await pending(old)).toEqual({ Product: 1 });
  });

  test('that differ in counters write what the other has staged before they stage (F29)', async () => {
    const counting = await release({ policy: COUNTING });
    const plain = await release({ policy: BEHIND });
    await make(counting, 'a');
    await counting.service.increment(counting.Product, 'a', { views: 5 });
    await change(plain, 'a', { views: 10 });
    expect(await rows()).toMatchObject([{ id: 'a', views: 5 }]);
    await counting.service.increment(counting.Product, 'a', { views: 1 });
    await plain.service.drain();
    expect(await rows()).toMatchObject([{ id: 'a', views: 11 }]);
    expect((await plain.service.status()).dead).toBe(0);
  });

  test('that differ in counters: one that cannot write what is pending is refused with the remedy, and nothing is lost', async () => {
    const counting = await release({ policy: COUNTING });
    await make(counting, 'a');
    const locker = counting.orm.em.fork();
    await locker.begin();
    await locker
      .getConnection()
      .execute('lock table product in exclusive mode', [], 'run', locker.getTransactionContext());
    const other = await release({ policy: BEHIND, spillway: { defaults: { drainTimeout: '100ms' } } });
    const { code, message } = await refusal(change(other, 'a', { name: 'other' }));
    await locker.rollback();
    expect(code).toBe('POLICY_MISMATCH');
    expect(message).toMatch(
      /^Product a was not staged: changes of this entity are pending that were staged under another policy/,
    );
    await change(other, 'a', { name: 'other' });
    await other.service.drain();
    expect(await rows()).toMatchObject([{ id: 'a', name: 'other' }]);
  });
});

describe('turned off and on again', () => {
  test('SPILLWAY_ENABLED=0 turns it off', async () => {
    process.env['SPILLWAY_ENABLED'] = '0';
    try {
      const app = await release({ policy: COUNTING });
      await make(app, 'a');
      expect((await rows()).map(({ id }) => id)).toEqual(['a']);
    } finally {
      delete process.env['SPILLWAY_ENABLED'];
    }
  });

  test('what was left is staged again after rejoin()', async () => {
    const on = await release({ policy: COUNTING });
    await make(on, 'a');
    await on.service.drain();
    const off = await release({ policy: COUNTING, spillway: { enabled: false } });
    await change(off, 'a', { name: 'by SQL' });
    const again = await release({ policy: COUNTING });
    expect(await refusal(make(again, 'b'))).toMatchObject({ code: 'POLICY_MISMATCH' });
    await again.service.rejoin();
    await make(again, 'b');
    expect(await pending(again)).toEqual({ Product: 1 });
    const offAgain = await release({ policy: COUNTING, spillway: { enabled: false } });
    expect(await find(offAgain, 'b')).toMatchObject({ name: 'made' });
  });

  test('the service goes on working: start, increment, drain, status, health and stop', async () => {
    const off = await release({ policy: COUNTING, spillway: { enabled: false, redis: 'redis://127.0.0.1:1' } });
    await off.service.start();
    await make(off, 'a');
    await off.service.increment(off.Product, 'a', { views: 2 });
    expect(await off.service.drain()).toEqual({ left: 0 });
    expect(await off.service.status()).toMatchObject({ pending: {}, inFlight: 0, dead: 0 });
    expect(await off.service.health()).toMatchObject({ status: 'up' });
    await expect(off.service.increment(off.Product, 'nobody', { views: 2 })).rejects.toThrow('optimistic lock');
    expect(await rows()).toMatchObject([{ id: 'a', views: 2, version: 1 }]);
    await off.service.stop();
  });
});

test('what keeps an entity from being left is said once, and the next try leaves it', async () => {
  const old = await release({ policy: BEHIND });
  await make(old, 'a');
  const said: string[] = [];
  const logger = { warn: (text: string) => void said.push(text), error: () => undefined };
  const app = await release({ policy: BEHIND, spillway: { enabled: false, logger } });
  const holder = old.orm.em.fork();
  await holder.begin();
  await holder.execute('select from spillway_shard for update');
  // Whoever reads is not concerned.
  const registeredAtRead = async (): Promise<unknown> => {
    expect(await find(app, 'a')).toMatchObject({ name: 'made' });
    return registered();
  };
  try {
    await eventually(async () => {
      expect(await registeredAtRead()).toHaveLength(1);
      expect(said).toEqual([
        expect.stringMatching(
          /^Spillway: Product cannot be left yet, and it is tried again every second: .*DRAIN_TIMEOUT/,
        ),
      ]);
    });
  } finally {
    await holder.rollback();
  }
  await eventually(async () => expect(await registeredAtRead()).toEqual([]));
  expect(await rows()).toMatchObject([{ id: 'a', name: 'made' }]);
  expect(said).toHaveLength(1);
});

describe('an ORM that decorates nothing', () => {
  /**
   * All of its statements go to one connection, whose search path SQL has set: Spillway's connections have another one.
   */
  async function withPathOfItsOwn(path: string, own: Partial<SpillwayOptions> = {}): Promise<App> {
    const app = await release({ spillway: own, pool: { min: 1, max: 1 } });
    await app.orm.em.getConnection().execute(`set search_path to ${path}`);
    return app;
  }

  test('reads and writes, whatever search path SQL has set', async () => {
    await apps[0]?.em.getConnection().execute('create schema apart');
    const app = await withPathOfItsOwn('apart, public');
    await make(app, 'a');
    expect(await find(app, 'a')).toMatchObject({ name: 'made' });
    // Also in a database that is prepared for the namespace.
    const old = await release({ policy: WriteThrough() });
    await old.service.start();
    const again = await withPathOfItsOwn('apart, public');
    await change(again, 'a', { name: 'changed' });
    expect(await rows()).toMatchObject([{ id: 'a', name: 'changed' }]);
  });

  test('is refused all the same what another release has staged', async () => {
    await make(await release({ policy: COUNTING }), 'a');
    await apps[0]?.em.getConnection().execute('create schema apart');
    const app = await withPathOfItsOwn('apart, public', { leaveAfter: '1h' });
    expect(await refusal(find(app, 'a'))).toMatchObject({
      code: expect.stringMatching(/POLICY_MISMATCH|CONFIG_INVALID/),
    });
  });
});

describe('a database with the tables of an older release', () => {
  beforeEach(async () => {
    await make(await release({ policy: COUNTING }), 'a');
    // The entries that older releases read are all that is left.
    await apps[0]?.em.getConnection().execute('drop table spillway_registry');
  });

  test('tells a process that writes by SQL what the older one has staged', async () => {
    const off = await release({ policy: COUNTING, spillway: { enabled: false } });
    expect(await find(off, 'a')).toMatchObject({ name: 'made' });
    await change(off, 'a', { name: 'changed' });
    expect(await rows()).toMatchObject([{ id: 'a', name: 'changed', version: 2 }]);
  });

  test('keeps a process that may not complete them from writing past what is pending', async () => {
    const off = await release({ policy: COUNTING, spillway: { enabled: false, tables: { ensure: false } } });
    expect(await refusal(find(off, 'a'))).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await refusal(make(off, 'b'))).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await rows()).toEqual([]);
  });
});

test('a Redis that is emptied or gone for good: the registry can be cleared by hand', async () => {
  await using server = await redis();
  const old = await release({ policy: COUNTING, spillway: { redis: server.url } });
  await make(old, 'a');
  await server.kill9();
  const off = await release({ policy: COUNTING, spillway: { enabled: false, redis: server.url } });
  expect(await refusal(make(off, 'b'))).toMatchObject({ code: 'STAGING_UNAVAILABLE' });
  for (const statement of documented('forget-staged.sql')) await off.orm.em.getConnection().execute(statement);
  const restarted = await release({ policy: COUNTING, spillway: { enabled: false, redis: server.url } });
  await make(restarted, 'b');
  expect((await rows()).map(({ id }) => id)).toEqual(['b']);
});
