import type { MikroORM } from '@mikro-orm/postgresql';
import { database, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  brokenOrm,
  classesOf,
  createPastPersist,
  prepareOptions,
  replaced,
  replacedGetter,
  type Act,
  type Classes,
  writePastTransaction,
} from './broken-orm.js';
import { Note, Product, shopOrm } from './shop.js';

const GENERATOR = Object.fromEntries(
  ['clear', 'drop', 'refresh', 'dropDatabase', 'dropNamespace', 'dropTableIfExists'].map((name) => [
    name,
    async () => undefined,
  ]),
);

let db: Database;
let classes: Classes;

beforeAll(async () => {
  db = await database();
  const orm = await shopOrm(db.url, {}, { extensions: [] });
  await orm.schema.create();
  await orm.close();
  classes = await classesOf(db.url);
});

afterAll(() => db.drop());

async function refusalOf(act: () => Promise<unknown>): Promise<{ code?: string; message: string }> {
  const error: unknown = await act().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as { code?: string; message: string };
}

/** The refusal to be made at all. */
async function refusalAtBoot(...parameters: Parameters<typeof brokenOrm>): Promise<string> {
  const { code, message } = await refusalOf(async () => (await brokenOrm(...parameters)).close());
  expect(code).toBe('ORM_INCOMPATIBLE');
  expect(message).toMatch(
    /^This version of MikroORM \(7\..*\) does not fit Spillway: .*update one of them \[ORM_INCOMPATIBLE\]$/,
  );
  return message;
}

describe('an ORM that lacks what a hook replaces is refused when it is made, by the name of the method', () => {
  test.each([
    'find',
    'findOne',
    'count',
    'stream',
    'nativeInsert',
    'nativeInsertMany',
    'nativeUpdate',
    'nativeUpdateMany',
    'nativeDelete',
    'nativeClone',
    'nativeClone',
    'loadFromPivotTable',
    'lockPessimistic',
    'createEntityManager',
    'getDependencies',
    'getConnection',
    'close',
    'connect',
    'reconnect',
  ])('driver.%s()', async (method) => {
    const before: Act = ({ driver }) => void replaced(driver, method, undefined);
    expect(await refusalAtBoot(db.url, { before })).toContain(`its driver has no method ${method}()`);
  });

  test.each(['begin', 'commit', 'rollback', 'transactional', 'connect', 'ensureConnection'])(
    'connection.%s()',
    async (method) => {
      const before: Act = ({ driver }) => void replaced(driver.getConnection('write'), method, undefined);
      expect(await refusalAtBoot(db.url, { before })).toContain(`its connection has no method ${method}()`);
    },
  );

  test.each(['registerExtension', 'getExtension'])('config.%s()', async (method) => {
    const before: Act = ({ config }) => void replaced(config, method, undefined);
    expect(await refusalAtBoot(db.url, { before })).toContain(`its configuration has no method ${method}()`);
  });

  test.each([
    'getUnitOfWork',
    'getConnection',
    'isInTransaction',
    'fork',
    'clear',
    'flush',
    'transactional',
    'find',
    'findOne',
    'count',
    'countBy',
    'populate',
    'callRoutine',
  ])('em.%s()', async (method) => {
    using _missing = replaced(classes.entityManager, method, undefined);
    expect(await refusalAtBoot(db.url)).toContain(`its entity manager has no method ${method}()`);
  });

  test('but not em.refreshMaterializedView(), which entity managers of other databases lack', async () => {
    using _missing = replaced(classes.entityManager, 'refreshMaterializedView', undefined);
    const orm = await brokenOrm(db.url);
    expect(Reflect.get(orm.em, 'refreshMaterializedView')).toBeUndefined();
    await orm.close();
  });

  test('orm.discoverEntity()', async () => {
    using _missing = replaced(classes.orm, 'discoverEntity', undefined);
    expect(await refusalAtBoot(db.url)).toContain('its ORM has no method discoverEntity()');
  });

  test.each([
    'commit',
    'persistToDatabase',
    'clear',
    'register',
    'persist',
    'remove',
    'unsetIdentity',
    'getChangeSets',
    'getCollectionUpdates',
    'getIdentityMap',
    'getPersistStack',
    'getRemoveStack',
    'getChangeSetPersister',
  ])('uow.%s()', async (method) => {
    using _missing = replaced(classes.unitOfWork, method, undefined);
    expect(await refusalAtBoot(db.url)).toContain(`its unit of work has no method ${method}()`);
  });

  test.each(['executeInserts', 'executeUpdates', 'executeDeletes'])('persister.%s()', async (method) => {
    using _missing = replaced(classes.persister, method, undefined);
    expect(await refusalAtBoot(db.url)).toContain(`its change set persister has no method ${method}()`);
  });
});

test.each(Object.keys(GENERATOR))('a schema generator without %s() is refused when it is asked for', async (method) => {
  const after: Act = ({ config }) =>
    config.registerExtension('@mikro-orm/schema-generator', () => ({ ...GENERATOR, [method]: undefined }));
  const orm = await brokenOrm(db.url, { after });
  const { code, message } = await refusalOf(async () => orm.schema.clear());
  await orm.close();
  expect(code).toBe('ORM_INCOMPATIBLE');
  expect(message).toContain(`its schema generator has no method ${method}()`);
});

describe('an ORM that has every method and no longer asks one of them is refused when it is made', () => {
  test('discovery that calls no listener', async () => {
    const after: Act = ({ config }) =>
      config.set('discovery', { ...config.get('discovery'), afterDiscovered: () => undefined });
    expect(await refusalAtBoot(db.url, { after })).toContain('discovery does not call discovery.afterDiscovered');
  });

  test('a driver that makes entity managers of a class of its own', async () => {
    const before: Act = (broken) => void replaced(broken.driver, 'createEntityManager', () => classes.create(broken));
    expect(await refusalAtBoot(db.url, { before })).toContain(
      'does not make entity managers by the class in its configuration',
    );
  });

  test('em.fork() that makes entity managers of another class', async () => {
    let broken: Parameters<Act>[0] | undefined;
    using _fork = replaced(classes.entityManager, 'fork', () => broken && classes.create(broken));
    const before: Act = (made) => void (broken = made);
    expect(await refusalAtBoot(db.url, { before })).toContain('em.fork() makes entity managers of another class');
  });

  test('em.clear() that does not ask the unit of work', async () => {
    using _clear = replaced(classes.entityManager, 'clear', () => undefined);
    expect(await refusalAtBoot(db.url)).toContain('em.clear() does not ask the unit of work');
  });

  test('orm.schema that is not the schema generator of the configuration', async () => {
    using _schema = replacedGetter(classes.orm, 'schema', () => undefined);
    expect(await refusalAtBoot(db.url)).toContain('orm.schema is not the schema generator of its configuration');
  });

  test('a platform without a schema generator', async () => {
    const before: Act = ({ driver }) => void replaced(driver.getPlatform(), 'getSchemaGenerator', undefined);
    expect(await refusalAtBoot(db.url, { before })).toContain('its platform has no method getSchemaGenerator()');
  });

  test('a unit of work that makes a persister for every call', async () => {
    using _persister = replaced(classes.unitOfWork, 'getChangeSetPersister', () => Object.create(classes.persister));
    expect(await refusalAtBoot(db.url)).toContain('has no change set persister that it keeps');
  });
});

describe('settings that keep a flush out of a transaction of its own are refused', () => {
  test.each([{ implicitTransactions: false }, { disableTransactions: true }])('%o', async (settings) => {
    const { code, message } = await refusalOf(() => shopOrm(db.url, {}, settings));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain(`MikroORM runs with ${Object.entries(settings)[0]?.join(': ')}`);
  });
});

describe('what only a flush or a read can show is refused there, before any SQL', () => {
  let orm: MikroORM;

  async function healthy(acts: Parameters<typeof brokenOrm>[1] = {}) {
    orm = await brokenOrm(db.url, acts);
    return Object.assign(orm, { [Symbol.asyncDispose]: () => orm.close() });
  }

  async function refusal(act: () => Promise<unknown>): Promise<string> {
    const before = await rows();
    const { code, message } = await refusalOf(act);
    expect(code).toBe('ORM_INCOMPATIBLE');
    expect(await rows()).toEqual(before);
    return message;
  }

  async function rows(): Promise<unknown> {
    return orm.em.getConnection().execute('select * from product order by id');
  }

  async function loaded(count: number) {
    const writer = orm.em.fork();
    const made = Array.from({ length: count }, (_, i) => writer.create(Product, { name: `p${i}` }));
    await writer.flush();
    const em = orm.em.fork();
    return {
      em,
      products: await em.find(
        Product,
        made.map(({ id }) => id),
      ),
    };
  }

  test.each([1, 3])('a mark that does not reach the driver: an insert of %i rows', async (count) => {
    await using _orm = await healthy();
    using _options = replaced(classes.persister, 'prepareOptions', prepareOptions);
    const em = orm.em.fork();
    for (let i = 0; i < count; i++) em.create(Product, { name: 'lost' });
    expect(await refusal(() => em.flush())).toContain('options that its change set persister is given do not reach');
    expect(await refusal(() => em.transactional(() => em.flush()))).toContain('do not reach the driver');
  });

  test.each([1, 3])('a mark that does not reach the driver: an update of %i rows', async (count) => {
    await using _orm = await healthy();
    const { em, products } = await loaded(count);
    using _options = replaced(classes.persister, 'prepareOptions', prepareOptions);
    for (const each of products) each.name += '!';
    expect(await refusal(() => em.flush())).toContain('do not reach the driver');
  });

  test('a mark that does not reach the driver: a delete', async () => {
    await using _orm = await healthy();
    const { em, products } = await loaded(1);
    using _options = replaced(classes.persister, 'prepareOptions', prepareOptions);
    expect(await refusal(() => em.remove(products).flush())).toContain('do not reach the driver');
  });

  test.each(['commitCreateChangeSets', 'commitUpdateChangeSets', 'commitDeleteChangeSets'])(
    'a unit of work that writes without the persister: %s()',
    async (method) => {
      await using _orm = await healthy();
      const { em, products } = await loaded(2);
      em.create(Product, { name: 'made' });
      for (const changed of products.slice(1)) changed.name = 'changed';
      em.remove(products.slice(0, 1));
      using _commit = replaced(classes.unitOfWork, method, async () => undefined);
      expect(await refusal(() => em.flush())).toContain('did not reach the change set persister');
    },
  );

  test('a flush that opens its transaction elsewhere', async () => {
    await using _orm = await healthy();
    using _commit = replaced(classes.unitOfWork, 'doCommit', async function (this: never) {
      await writePastTransaction(this);
    });
    const em = orm.em.fork();
    em.create(Product, { name: 'lost' });
    expect(await refusal(() => em.flush())).toContain("does not ask its entity manager for getConnection('write')");
    const plain = orm.em.fork();
    plain.create(Note, { text: 'none of our business' });
    await plain.flush();
  });

  test('a flush in a transaction that writes elsewhere', async () => {
    await using _orm = await healthy();
    using _commit = replaced(classes.unitOfWork, 'doCommit', async function (this: never) {
      await createPastPersist(this);
    });
    expect(
      await refusal(() =>
        orm.em.transactional(async (em) => {
          em.create(Product, { name: 'lost' });
          await em.flush();
        }),
      ),
    ).toContain('a flush does not ask its unit of work to persistToDatabase()');
    await orm.em.transactional(async (em) => {
      em.create(Note, { text: 'none of our business' });
      await em.flush();
    });
  });

  test('em.flush() that does not ask for commit()', async () => {
    await using _orm = await healthy();
    using _flush = replaced(classes.entityManager, 'flush', async function (this: never) {
      const em = this as { getUnitOfWork(): { doCommit(): Promise<void> } };
      await em.getUnitOfWork().doCommit();
    });
    const em = orm.em.fork();
    em.create(Product, { name: 'lost' });
    expect(await refusal(() => em.flush())).toContain('em.flush() does not ask the unit of work to commit()');
  });

  test('driver.findOne() that does not ask driver.find()', async () => {
    const before: Act = ({ driver }) => void replaced(driver, 'findOne', async () => null);
    await using _orm = await healthy({ before });
    expect(await refusal(() => orm.em.fork().findOne(Product, crypto.randomUUID()))).toContain(
      'answers findOne() without find()',
    );
  });

  test('entity managers that are made without the driver', async () => {
    using _create = replaced(classes.orm, 'createEntityManager', function (this: never) {
      const broken = this as MikroORM;
      broken.driver.setMetadata(broken.getMetadata());
      broken.em = classes.create(broken) as never;
    });
    await using _orm = await healthy();
    const em = orm.em.fork();
    em.create(Product, { name: 'lost' });
    expect(await refusal(() => em.flush())).toContain('makes entity managers without its driver');
    expect(await refusal(() => orm.em.fork().find(Product, {}))).toContain('makes entity managers without its driver');
  });
});
