import { raw, ref, type EntityManager, type MikroORM } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { hostileOrm, Item, Person, Remark, Setting } from './hostile-entities.js';

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await hostileOrm(db.url);
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

const rows = (sql: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> =>
  orm.em.getConnection().execute(sql, parameters);

async function newItem(values: Partial<Item> = {}): Promise<Item> {
  const em = orm.em.fork();
  const item = em.create(Item, values);
  await em.flush();
  return item;
}

describe('a value of the wrong type', () => {
  // TypeScript is gone at run time, and request bodies are not always checked: what a column cannot hold must fail, as
  // it does in plain MikroORM.
  test.each(['amount'] as const)(
    'in the integer property "%s" writes no other row and no other column',
    async (name) => {
      const victim = await newItem({ name: 'victim' });
      const mine = await newItem({ name: 'mine' });
      await Spillway.of(orm).drain();
      const em = orm.em.fork();
      const hostile = `1},{"i":0,"k0":"${victim.id}","b":1,"v":7,"c0":666`;
      Object.assign(await em.findOneOrFail(Item, mine.id), { [name]: hostile });
      await expect(em.flush()).rejects.toThrow(/invalid input syntax for type integer/);
      expect((await Spillway.of(orm).status()).pending).toEqual({});
      expect(
        await rows('select name, amount, version from item where id in (?, ?) order by name', [mine.id, victim.id]),
      ).toEqual([
        { name: 'mine', amount: 0, version: 1 },
        { name: 'victim', amount: 0, version: 1 },
      ]);
    },
  );
});

describe('a primary key', () => {
  test('that is changed renames the row, as in plain MikroORM, and drops no change', async () => {
    const em = orm.em.fork();
    const setting = em.create(Setting, { id: 'old', value: 'a' });
    await em.flush();
    Object.assign(setting, { id: 'new', value: 'b' });
    await em.flush();
    await Spillway.of(orm).drain();
    expect(await rows(`select * from setting where id in ('old', 'new')`)).toEqual([{ id: 'new', value: 'b' }]);
    expect(await orm.em.fork().findOne(Setting, 'old')).toBeNull();
  });

  test.each([
    ['without hyphens', (id: string) => id.replaceAll('-', '')],
    ['in braces', (id: string) => `{${id}}`],
    ['in capitals', (id: string) => id.toUpperCase()],
  ])('of type uuid finds its row also when it is written %s', async (_, written) => {
    const item = await newItem({ name: 'found' });
    expect((await orm.em.fork().findOne(Item, written(item.id)))?.name).toBe('found');
    await Spillway.of(orm).drain();
    expect((await orm.em.fork().findOne(Item, written(item.id)))?.name).toBe('found');
  });
});

describe('a reader', () => {
  test('sees the same before and after the flush: counting from null, and decimals of the column’s scale', async () => {
    const item = await newItem({ price: '1.005' });
    await Spillway.of(orm).increment(Item, item.id, { views: 2 });
    const before = await orm.em.fork().findOneOrFail(Item, item.id);
    await Spillway.of(orm).drain();
    const after = await orm.em.fork().findOneOrFail(Item, item.id);
    expect(after).toMatchObject({ views: 2, price: '1.01' });
    expect({ views: before.views, price: before.price }).toEqual({ views: after.views, price: after.price });
  });
});

describe('SQL', () => {
  test.each([
    [
      'a flush',
      async (em: EntityManager, setting: Setting) => {
        // A plain entity makes it one by SQL.
        em.create(Remark, { text: 'mixed' });
        setting.value = 'newer';
        await em.flush();
      },
    ],
    [
      'em.nativeUpdate()',
      (em: EntityManager, { id }: Setting) => em.nativeUpdate(Setting, { id }, { value: raw<string>("'newer'") }),
    ],
    [
      'em.upsert()',
      (em: EntityManager, { id }: Setting) =>
        em.fork().upsert(Setting, { id, value: 'newer' }, { onConflictMergeFields: ['value'] }),
    ],
  ])('of %s never writes past a staged change that a lock holds up', async (name, write) => {
    const em = orm.em.fork();
    const setting = em.create(Setting, { id: name, value: 'first' });
    await em.flush();
    await Spillway.of(orm).drain();
    setting.value = 'older';
    await em.flush();

    const locker = orm.em.fork();
    await locker.begin();
    await locker.execute('select from setting where id = ? for update', [name]);
    // It would wait for the lock, be written, and then be overwritten by what was staged before it.
    await expect(write(em, setting)).rejects.toMatchObject({ code: 'DRAIN_TIMEOUT' });
    await locker.commit();
    await write(em, setting);
    await eventually(async () => (await Spillway.of(orm).drain()).left === 0);
    expect(await rows('select value from setting where id = ?', [name])).toEqual([{ value: 'newer' }]);
  });
});

describe('references in a circle', () => {
  test('between rows of one table are written, though the rows have different columns (H10)', async () => {
    const em = orm.em.fork();
    const ada = em.create(Person, { id: 'ada', label: 'has one' });
    const bob = em.create(Person, { id: 'bob' });
    ada.partner = ref(bob);
    bob.partner = ref(ada);
    await em.flush();
    await eventually(async () => (await Spillway.of(orm).drain()).left === 0, { timeoutMs: 5_000 });
    expect(await rows('select id, partner_id from person order by id')).toEqual([
      { id: 'ada', partner_id: 'bob' },
      { id: 'bob', partner_id: 'ada' },
    ]);
  });
});

describe('a removal that was refused', () => {
  test('is called off by em.persist(), as one that was not flushed is', async () => {
    const em = orm.em.fork();
    const item = em.create(Item, { name: 'mine' });
    await em.flush();
    const other = orm.em.fork();
    (await other.findOneOrFail(Item, item.id)).name = 'theirs';
    await other.flush();
    em.remove(item);
    await expect(em.flush()).rejects.toThrow('optimistic lock');
    await em.refresh(item);
    em.persist(item);
    item.name = 'kept';
    await em.flush();
    expect((await orm.em.fork().findOne(Item, item.id))?.name).toBe('kept');
  });
});

describe('an ORM that connects anew', () => {
  test('goes on staging after orm.reconnect()', async () => {
    const own = await hostileOrm(db.url);
    try {
      const em = own.em.fork();
      em.create(Setting, { id: 'before', value: 'a' });
      await em.flush();
      await own.reconnect();
      em.create(Setting, { id: 'after', value: 'b' });
      await em.flush();
      await Spillway.of(own).drain();
      expect(await rows(`select id from setting where id in ('before', 'after') order by id`)).toEqual([
        { id: 'after' },
        { id: 'before' },
      ]);
    } finally {
      await own.close();
    }
  });
});

describe('two databases that share a Redis and, by mistake, a namespace', () => {
  test('never get each other’s rows', async () => {
    const namespace = freshNamespace();
    const other = await database();
    const mine = await hostileOrm(db.url, { namespace });
    const theirs = await hostileOrm(other.url, { namespace });
    try {
      await theirs.schema.create();
      await Spillway.of(mine).start();
      await Spillway.of(theirs)
        .start()
        .catch(() => undefined);
      const em = mine.em.fork();
      em.create(Setting, { id: 'mine', value: 'mine' });
      await em.flush();
      await Spillway.of(theirs)
        .drain()
        .catch(() => undefined);
      expect(await theirs.em.getConnection().execute('select id from setting')).toEqual([]);
    } finally {
      await mine.close();
      await theirs.close();
      await other.drop();
    }
  });
});
