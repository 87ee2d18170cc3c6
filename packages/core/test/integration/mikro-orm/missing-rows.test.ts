import { defineEntity, p, type EntityManager, type MikroORM } from '@mikro-orm/postgresql';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  Spillway,
  SpillwayError,
  SpillwayRepository,
  WriteBehind,
  type IncrementOptions,
  type WritePolicy,
} from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

/** What `increment()` does where the row is not there. */
function page(name: string, policy: WritePolicy) {
  const entity = defineEntity({
    name,
    repository: () => SpillwayRepository,
    properties: {
      id: p.uuid().primary(),
      title: p.string(),
      views: p.integer().default(0),
      likes: p.integer(),
      state: p.string().default('new'),
      madeAt: p
        .datetime()
        .length(3)
        .onCreate(() => new Date('2026-01-01T00:00:00.000Z')),
      version: p.integer().version(),
    },
  });
  WriteBehind({ ...policy, counters: ['views', 'likes'] as never })(entity.class as never);
  return entity;
}

const Page = page('Page', {});
/** Of a transaction: the repository belongs to its entity manager. */
const countIn = (em: EntityManager, by: object, options: IncrementOptions): Promise<unknown> =>
  (em.getRepository(Page) as SpillwayRepository<never>).increment(id, by, options);

const Dropped = page('DroppedPage', { missing: 'drop' });
const Made = page('MadePage', { missing: 'create' });

const world = stagingOrm([Page, Dropped, Made]);
let orm: MikroORM;
let spill: Spillway;
let id = '';
let count = 0;

beforeEach(() => {
  orm = world.orm;
  spill = Spillway.of(orm);
  count += 1;
  id = `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
});

async function inDatabase(table: string): Promise<Record<string, unknown> | undefined> {
  const rows: unknown[] = await orm.em.getConnection().execute(`select * from "${table}" where id = '${id}'`);
  return rows[0] as Record<string, unknown> | undefined;
}

async function letters(entity: typeof Page): Promise<string[]> {
  const found = await spill.deadLetters.list({ entity });
  return found.filter(({ rowKey }) => rowKey.includes(id)).map(({ code }) => code);
}

const insertBySql = (title: string, views: number): Promise<unknown> =>
  orm.em
    .getConnection()
    .execute(`insert into page (id, title, views, likes, made_at) values ('${id}', '${title}', ${views}, 0, now())`);

const create = { title: 'made' };

describe("missing: 'create'", () => {
  test('makes the row, with defaults and what onCreate sets, and adds to it', async () => {
    await spill.increment(Page, id, { views: 2, likes: 1 }, { missing: 'create', create });
    await spill.increment(Page, id, { views: 3 }, { create: { title: 'too late' } });
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ title: 'made', views: 5, likes: 1, state: 'new', version: 1 });
    expect(await letters(Page)).toEqual([]);
  });

  test('adds to a row that is there, and leaves the rest of it alone', async () => {
    await insertBySql('there', 10);
    await spill.increment(Page, id, { views: 2 }, { missing: 'create', create });
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ title: 'there', views: 12, version: 1 });
  });

  test('adds to a row that SQL inserts between staging and writing', async () => {
    await spill.increment(Page, id, { views: 2 }, { missing: 'create', create });
    await insertBySql('sql', 10);
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ title: 'sql', views: 12 });
  });

  test('a look-up finds the row that is to be made', async () => {
    await spill.increment(Page, id, { views: 2 }, { missing: 'create', create });
    const found = await orm.em.fork().findOne(Page, { id });
    expect(found).toMatchObject({ title: 'made', views: 2, state: 'new' });
    await spill.increment(Page, id, { views: 1 }, { missing: 'create', create });
    const em = orm.em.fork();
    const again = await em.findOneOrFail(Page, { id });
    expect(again.views).toBe(3);
    again.title = 'changed';
    await em.flush();
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ title: 'changed', views: 3, version: 2 });
  });

  test('a patch of what is to be made goes over what it is made of', async () => {
    await spill.increment(Page, id, { views: 2 }, { missing: 'create', create });
    await spill.patch(Page, id, { state: 'patched' });
    await spill.increment(Page, id, { views: 1 });
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ title: 'made', state: 'patched', views: 3 });
  });

  test('makes the row anew after a delete, pending or written', async () => {
    const em = orm.em.fork();
    const made = em.create(Page, { id, title: 'first', views: 5, likes: 5 } as never);
    await em.flush();
    await spill.drain();
    await em.remove(made).flush();
    await spill.increment(Page, id, { views: 1 }, { missing: 'create', create });
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ title: 'made', views: 1, likes: 0 });
    const other = orm.em.fork();
    await other.remove(await other.findOneOrFail(Page, { id })).flush();
    await spill.drain();
    await spill.increment(Page, id, { views: 7 }, { missing: 'create', create });
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ views: 7 });
    expect(await orm.em.fork().findOneOrFail(Page, { id })).toMatchObject({ views: 7 });
    expect(await letters(Page)).toEqual([]);
  });

  test('what the policy says holds where the call says nothing', async () => {
    await spill.increment(Made, id, { views: 2 }, { create });
    await spill.drain();
    expect(await inDatabase('made_page')).toMatchObject({ title: 'made', views: 2 });
  });

  test.each([
    ['a property that it has not', { title: 'x', colour: 'red' }, /create .*MadePage.*"colour"/],
    ['null where there is none', { title: null }, /"title" cannot be null/],
    ['a value of another type', { title: 7 }, /"title"/],
    ['the version', { title: 'x', version: 3 }, /"version"/],
    ['the key', { title: 'x', id: 'y' }, /"id"/],
    ['too little', {}, /"title"/],
  ])('create data with %s is refused at once, by name', async (_, data, message) => {
    const act = spill.increment(Made, id, { views: 1 }, { create: data as never });
    await expect(act).rejects.toThrow(message);
    await expect(act).rejects.toBeInstanceOf(SpillwayError);
    expect(await spill.pending(Made, id)).toBeUndefined();
  });

  test('create data beside another word is refused', async () => {
    const act = spill.increment(Page, id, { views: 1 }, { missing: 'drop', create });
    await expect(act).rejects.toThrow(/missing: 'drop'.*create/);
    await expect(spill.increment(Page, id, { views: 1 }, { missing: 'make' as never })).rejects.toThrow(
      /missing.*'dead-letter'.*'drop'.*'create'/,
    );
  });
});

describe("missing: 'drop'", () => {
  test('leaves no dead letter, by call or by policy', async () => {
    await spill.increment(Page, id, { views: 1 }, { missing: 'drop' });
    await spill.increment(Dropped, id, { views: 1 });
    await spill.drain();
    expect([...(await letters(Page)), ...(await letters(Dropped))]).toEqual([]);
    expect((await spill.status()).pending).toEqual({});
  });

  test('adds to a row that is there', async () => {
    await insertBySql('there', 1);
    await spill.increment(Page, id, { views: 1 }, { missing: 'drop' });
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ views: 2 });
  });

  test('is overruled by an increment that wants a dead letter', async () => {
    await spill.increment(Page, id, { views: 1 }, { missing: 'drop' });
    await spill.increment(Page, id, { views: 1 });
    await spill.drain();
    expect(await letters(Page)).toEqual(['ROW_MISSING']);
  });
});

describe('by SQL, in a transaction', () => {
  test('makes the row, or adds to it', async () => {
    const options = { missing: 'create', create } as const;
    await orm.em.fork().transactional(async (em) => countIn(em, { views: 2 }, options));
    await orm.em.fork().transactional(async (em) => countIn(em, { views: 3 }, options));
    expect(await inDatabase('page')).toMatchObject({ title: 'made', views: 5, likes: 0, version: 1 });
  });

  test('drops', async () => {
    await orm.em.fork().transactional(async (em) => countIn(em, { views: 2 }, { missing: 'drop' }));
    expect(await inDatabase('page')).toBeUndefined();
  });

  test('a rollback takes what was made along', async () => {
    const act = orm.em.fork().transactional(async (em) => {
      await countIn(em, { views: 2 }, { create });
      throw new Error('no');
    });
    await expect(act).rejects.toThrow('no');
    expect(await inDatabase('page')).toBeUndefined();
  });
});

describe('the answer', () => {
  test('tells the counters as a look-up finds them, written or not', async () => {
    const before = await spill.increment(Page, id, { views: 2 }, { create });
    expect(await before.counters()).toEqual([{ views: 2, likes: 0 }]);
    const other = id.replace('4000', '4fff');
    const receipt = await spill.incrementMany(
      Page,
      [id, other].map((key) => ({ key, by: { views: 3, likes: 1 } })),
      { missing: 'drop' },
    );
    expect(await receipt.counters()).toEqual([{ views: 5, likes: 1 }, undefined]);
    await spill.drain();
    expect(await receipt.counters()).toEqual([{ views: 5, likes: 1 }, undefined]);
  });

  test('tells what the transaction sees', async () => {
    await orm.em.fork().transactional(async (em) => {
      const repository = em.getRepository(Page) as SpillwayRepository<never>;
      const receipt = await repository.increment(id, { views: 4 }, { create });
      expect(await receipt.counters()).toEqual([{ views: 4, likes: 0 }]);
    });
  });
});

describe('many rows in one call', () => {
  const ids = (): string[] => Array.from({ length: 200 }, (_, n) => id.replace('4000', String(4001 + n)));

  test('are counted and made, each with its own data', async () => {
    const keys = ids();
    const rows = keys.map((key, n) => ({ key, by: { views: n }, create: { title: `title ${n}` } }));
    const receipt = await spill.incrementMany(Page, rows);
    await spill.incrementMany(
      Page,
      keys.map((key) => ({ key, by: { views: 1 } })),
      { create: { title: 'never' } },
    );
    expect(receipt.keys).toEqual(keys);
    await receipt.written();
    await spill.drain();
    const found: unknown[] = await orm.em
      .getConnection()
      .execute(`select title, views from page where id = any(array['${keys.join("','")}']::uuid[]) order by views`);
    expect(found).toEqual(keys.map((_, n) => ({ title: `title ${n}`, views: n + 1 })));
  });

  test('a row may be among them twice', async () => {
    const by = { views: 2 };
    await spill.incrementMany(
      Page,
      [
        { key: id, by },
        { key: id, by },
      ],
      { create },
    );
    await spill.drain();
    expect(await inDatabase('page')).toMatchObject({ views: 4 });
  });

  test('one malformed key is named, and nothing is staged', async () => {
    const rows = [...ids(), 'no uuid'].map((key) => ({ key, by: { views: 1 } }));
    await expect(spill.incrementMany(Page, rows)).rejects.toThrow(
      'Page: "no uuid" is no primary key, since id is of type uuid',
    );
    expect((await spill.status()).pending).toEqual({});
  });

  test('in a transaction all are written, or none', async () => {
    const keys = ids().slice(0, 3);
    const countAll = async (options: IncrementOptions): Promise<unknown> =>
      orm.em.fork().transactional(async (em) => {
        const repository = em.getRepository(Page) as SpillwayRepository<never>;
        return repository.incrementMany(
          [id, ...keys].map((key) => ({ key, by: { views: 1 } })),
          options,
        );
      });
    await insertBySql('there', 0);
    await expect(countAll({})).rejects.toThrow('optimistic lock');
    expect(await inDatabase('page')).toMatchObject({ views: 0 });
    await countAll({ create });
    expect(await inDatabase('page')).toMatchObject({ title: 'there', views: 1 });
  });
});
