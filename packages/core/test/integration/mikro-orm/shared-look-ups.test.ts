import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, WriteThrough } from '../../../src/index.js';

const properties = {
  id: p.integer().primary(),
  name: p.string(),
  tags: p.json<string[]>(),
  at: p.datetime(),
  data: p.blob(),
  version: p.integer().version(),
};
const Note = defineEntity({
  name: 'Note',
  properties,
  filters: { named: { name: 'named', cond: { name: 'note 1' }, default: false } },
});
const Copied = defineEntity({ name: 'Copied', properties });
const Read = defineEntity({ name: 'Read', properties });
const Seat = defineEntity({
  name: 'Seat',
  properties: { row: p.string().primary(), number: p.integer().primary(), label: p.string() },
});
const Animal = defineEntity({
  name: 'Animal',
  discriminatorColumn: 'kind',
  properties: { id: p.integer().primary(), kind: p.string().nullable(), name: p.string() },
});
const Dog = defineEntity({ name: 'Dog', extends: Animal, properties: { tricks: p.integer().nullable() } });
const Cat = defineEntity({ name: 'Cat', extends: Animal, properties: { lives: p.integer().nullable() } });

WriteBehind()(Note.class);
WriteBehind({ cache: { ttl: '5m' } })(Copied.class);
WriteThrough({ cache: { ttl: '5m' } })(Read.class);
WriteBehind()(Seat.class);
WriteBehind()(Animal.class as never);

const ROWS = 64;
const ids = Array.from({ length: ROWS }, (_, index) => index + 1);

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await MikroORM.init({
    entities: [Note, Copied, Read, Seat, Animal, Dog, Cat],
    clientUrl: db.url,
    pool: { max: 4 },
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
  const em = orm.em.fork();
  for (const id of ids) {
    const row = { id, name: `note ${id}`, tags: ['a', String(id)], at: new Date(id), data: Buffer.from([id]) };
    for (const entity of [Note, Copied, Read]) em.create(entity as typeof Note, row);
  }
  em.create(Seat, { row: 'A', number: 1, label: 'first' });
  em.create(Seat, { row: 'A', number: 2, label: 'second' });
  em.create(Dog, { id: 1, name: 'Rex', tricks: 3 });
  em.create(Cat, { id: 2, name: 'Tom', lives: 9 });
  await em.flush();
  await Spillway.of(orm).drain();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function readsDuring(act: () => unknown): Promise<string[]> {
  const statements = await db.statements.during(act);
  return statements.filter((statement) => /select .*"(note|copied|read|seat|animal)"/.test(statement));
}

describe('R17: look-ups of one turn', () => {
  test.each([
    ['without a cache', Note],
    ['with an empty cache', Copied],
    ['that are written through', Read],
  ])('are one statement, of rows %s', async (_, entity) => {
    const names: unknown[] = [];
    const statements = await readsDuring(async () => {
      const found = await Promise.all(ids.map(async (id) => orm.em.fork().findOne(entity as typeof Note, id)));
      names.push(...found.map((each) => each?.name));
    });
    expect(names).toEqual(ids.map((id) => `note ${id}`));
    // Callers whose Redis answers come apart may be two groups.
    expect(statements.length).toBeLessThanOrEqual(4);
  });

  test('see what is pending, each of its own row, and missing rows are missing', async () => {
    const em = orm.em.fork();
    (await em.findOneOrFail(Note, 3)).name = 'pending';
    em.create(Note, { id: 900, name: 'new', tags: [], at: new Date(0), data: Buffer.from('') });
    await em.flush();
    const found = await Promise.all([1, 3, 900, 901].map(async (id) => orm.em.fork().findOne(Note, id)));
    expect(found.map((each) => each?.name)).toEqual(['note 1', 'pending', 'new', undefined]);
    await Spillway.of(orm).drain();
  });

  test('of the same row get values of their own', async () => {
    const statements = await readsDuring(async () => {
      const [one, other] = await Promise.all([1, 1].map(async (id) => orm.em.fork().findOneOrFail(Note, id)));
      expect(other).toMatchObject({ tags: ['a', '1'], at: new Date(1), name: 'note 1' });
      one?.tags.push('changed');
      one?.at.setTime(0);
      one?.data.fill(9);
      expect(other).toMatchObject({ tags: ['a', '1'], at: new Date(1) });
      expect([...(other?.data ?? [])]).toEqual([1]);
    });
    expect(statements).toHaveLength(1);
  });

  test('of keys of several columns, and of classes of one table', async () => {
    const seats = await Promise.all([1, 2, 3].map(async (number) => orm.em.fork().findOne(Seat, { row: 'A', number })));
    expect(seats.map((seat) => seat?.label)).toEqual(['first', 'second', undefined]);
    const [rex, noDog, tom, any] = await Promise.all([
      orm.em.fork().findOne(Dog, 1),
      orm.em.fork().findOne(Dog, 2),
      orm.em.fork().findOne(Cat, 2),
      orm.em.fork().findOne(Animal, 2),
    ]);
    expect([rex?.tricks, noDog, tom?.lives, any?.name]).toEqual([3, null, 9, 'Tom']);
  });
});

describe('R17: of the look-ups of one turn', () => {
  let alone: string[] = [];
  beforeEach(() => {
    alone = [];
  });

  /** A look-up beside two that are shared. */
  async function beside(act: () => Promise<unknown>): Promise<unknown> {
    let answer: unknown;
    alone = await readsDuring(async () => {
      const shared = [1, 2].map(async (id) => orm.em.fork().findOneOrFail(Note, id));
      [answer] = await Promise.all([act(), ...shared]);
    });
    return answer;
  }

  test('one with a filter sees what the filter leaves', async () => {
    expect(await beside(async () => orm.em.fork().findOne(Note, 3, { filters: { named: true } }))).toBeNull();
    expect(alone).toHaveLength(2);
  });

  test('one with fields gets those', async () => {
    const note = await beside(async () => orm.em.fork().findOneOrFail(Note, 3, { fields: ['tags'] }));
    expect(note).toMatchObject({ tags: ['a', '3'], at: undefined });
    expect(alone).toHaveLength(2);
  });

  test('one with a signal, a schema, or a comment is read alone', async () => {
    const { signal } = new AbortController();
    await beside(async () => orm.em.fork().findOneOrFail(Note, 3, { signal }));
    expect(alone).toHaveLength(2);
    await beside(async () => orm.em.fork().findOneOrFail(Note, 3, { schema: 'public' }));
    expect(alone).toHaveLength(2);
    await beside(async () => orm.em.fork().findOneOrFail(Note, 3, { comments: 'mine' }));
    expect(alone.filter((statement) => statement.includes('mine'))).toHaveLength(1);
  });

  test('one that aborts is abandoned, and the others go on', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const refused = beside(async () =>
      orm.em
        .fork()
        .findOneOrFail(Note, 3, { signal })
        .catch((error: Error) => error.message),
    );
    expect(await refused).toContain('enough');
  });

  test('one in a transaction sees its own writes', async () => {
    const name = await beside(async () =>
      orm.em.fork().transactional(async (em) => {
        await em.execute("update note set name = 'mine' where id = 4");
        const found = await em.findOneOrFail(Note, 4);
        await em.execute("update note set name = 'note 4' where id = 4");
        return found.name;
      }),
    );
    expect(name).toBe('mine');
    expect(alone.filter((statement) => statement.includes('in (1, 2, 4)'))).toEqual([]);
  });

  test('one that locks is read alone', async () => {
    await beside(async () =>
      orm.em.fork().transactional(async (em) => em.findOneOrFail(Note, 5, { lockMode: 4 as never })),
    );
    expect(alone.filter((statement) => statement.includes('for update'))).toHaveLength(1);
  });
});
