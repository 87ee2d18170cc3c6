import { defineEntity, p, Type, type MikroORM } from '@mikro-orm/postgresql';
import { beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

/** What an increment makes its row of: references, custom types, one of several classes, decimals, unique values. */
class Upper extends Type<string, string> {
  override convertToDatabaseValue(value: string): string {
    return value.toUpperCase();
  }

  override convertToJSValue(value: string): string {
    return value.toLowerCase();
  }

  override getColumnType(): string {
    return 'text';
  }
}

const Site = defineEntity({ name: 'Site', properties: { id: p.integer().primary(), name: p.string() } });
const Visit = defineEntity({
  name: 'Visit',
  properties: {
    site: () => p.manyToOne(Site).primary(),
    day: p.date().primary(),
    hits: p.integer().default(0),
    seconds: p.decimal().precision(10).scale(2).default('0'),
    code: p.type(Upper),
    slug: p.string().unique().nullable(),
  },
});
const Animal = defineEntity({
  name: 'Animal',
  discriminatorColumn: 'kind',
  discriminatorValue: 'animal',
  properties: { id: p.integer().primary(), kind: p.string(), name: p.string(), seen: p.integer().default(0) },
});
const Dog = defineEntity({
  name: 'Dog',
  extends: Animal,
  discriminatorValue: 'dog',
  properties: { trick: p.string().nullable() },
});
WriteBehind()(Site.class);
WriteBehind({ counters: ['hits', 'seconds'] as never })(Visit.class as never);
WriteBehind({ counters: ['seen'] as never })(Animal.class as never);

const world = stagingOrm([Site, Visit, Animal, Dog]);
let orm: MikroORM;
let spill: Spillway;
let id = 0;

beforeEach(() => {
  orm = world.orm;
  spill = Spillway.of(orm);
  id += 1;
});

const rows = async (sql: string): Promise<unknown> => orm.em.getConnection().execute(sql);
const day = '2026-11-30';

describe('a row that an increment makes', () => {
  test('may refer to a row that is still staged, have a key of several columns, and values of custom types', async () => {
    const em = orm.em.fork();
    em.create(Site, { id, name: 'site' });
    await em.flush();
    const options = { create: { code: 'abc' } } as never;
    await spill.increment(Visit, [id, day] as never, { hits: 1, seconds: '2.50' } as never, options);
    await spill.increment(Visit, { site: id, day } as never, { hits: 1, seconds: '0.25' } as never, options);
    await spill.drain();
    const select = `select day::text, hits, seconds, code from visit where site_id = ${id}`;
    expect(await rows(select)).toEqual([{ day, hits: 2, seconds: '2.75', code: 'ABC' }]);
    expect(await spill.deadLetters.list()).toEqual([]);
  });

  test('is made the same way in a transaction', async () => {
    const em = orm.em.fork();
    em.create(Site, { id, name: 'site' });
    await em.flush();
    await orm.em.fork().transactional(async (within) => {
      const rowsOf = spill as unknown as { rowsOf(em: unknown): Pick<Spillway, 'increment'> };
      const calls = rowsOf.rowsOf(within);
      const options = { create: { code: 'abc' } } as never;
      await calls.increment(Visit, [id, day] as never, { hits: 1, seconds: '2.50' } as never, options);
      await calls.increment(Visit, [id, day] as never, { hits: 1 }, options);
    });
    const select = `select day::text, hits, seconds, code from visit where site_id = ${id}`;
    expect(await rows(select)).toEqual([{ day, hits: 2, seconds: '2.50', code: 'ABC' }]);
  });

  test('is of the class that the call names', async () => {
    await spill.increment(Dog, id, { seen: 1 }, { create: { name: 'Rex', trick: 'sit' } });
    await spill.increment(Animal, id + 1_000, { seen: 1 }, { create: { name: 'Tom' } });
    expect(await orm.em.fork().findOneOrFail(Dog, { id })).toMatchObject({ name: 'Rex', seen: 1 });
    await spill.drain();
    const select = `select kind, name, seen from animal where id in (${id}, ${id + 1_000}) order by id`;
    expect(await rows(select)).toEqual([
      { kind: 'dog', name: 'Rex', seen: 1 },
      { kind: 'animal', name: 'Tom', seen: 1 },
    ]);
  });

  test('that PostgreSQL does not take is a dead letter, and a look-up finds nothing', async () => {
    const make = async (site: number): Promise<unknown> =>
      spill.increment(Visit, [site, day] as never, { hits: 1 }, { create: { code: 'abc', slug: `slug ${id}` } });
    const em = orm.em.fork();
    em.create(Site, { id, name: 'site' });
    em.create(Site, { id: id + 1_000, name: 'other' });
    await em.flush();
    await make(id);
    await spill.drain();
    await make(id + 1_000);
    expect(await orm.em.fork().findOne(Visit, { site: id + 1_000, day })).toBeNull();
    expect(await rows(`select hits from visit where site_id in (${id}, ${id + 1_000})`)).toEqual([{ hits: 1 }]);
  });
});
