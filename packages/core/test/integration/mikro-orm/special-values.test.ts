import { defineEntity, FullTextType, MikroORM, p, Type } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import { EVERY_TYPE } from './every-type.js';

/** A custom type whose column is read through SQL. */
class ShoutedType extends Type<string, string> {
  override convertToJSValueSQL(key: string): string {
    return `upper(${key})`;
  }
  override getColumnType(): string {
    return 'text';
  }
}

const Note = defineEntity({
  name: 'Note',
  properties: {
    id: p.integer().primary(),
    text: p.text().nullable(),
    shouted: p.type(ShoutedType).nullable(),
    words: p.type(FullTextType).nullable(),
    until: p.datetime().nullable(),
    wall: p.datetime().columnType('timestamp').nullable(),
    version: p.integer().version(),
  },
});
WriteBehind({ retry: { attempts: 1 } })(Note.class);

const names = Object.keys(EVERY_TYPE);
const columns = Object.fromEntries(
  Object.entries(EVERY_TYPE).map(([name, { property }]) => [name, property.nullable()]),
) as Record<string, never>;
const Rival = defineEntity({ name: 'Rival', properties: { id: p.integer().primary(), note: p.text(), ...columns } });

interface Seen {
  readonly theirs: Readonly<Record<string, unknown>>;
}
const seen: Seen[] = [];
/** Instead of the usual one. */
let answer: object | undefined;
WriteBehind({
  detect: 'changed-properties',
  conflict: (conflict: Seen) => {
    seen.push(conflict);
    if (answer) return answer;
    return 'keep-database';
  },
} as never)(Rival.class);

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Note, Rival],
    clientUrl: db.url,
    forceUtcTimezone: false,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.em.execute(
    'create extension citext; create extension hstore; create extension ltree; create extension cube; create domain shout as varchar(10)',
  );
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function stage(id: number, values: object): Promise<void> {
  const em = orm.em.fork();
  em.create(Note, { id, ...values } as never);
  await em.flush();
}

const one = (id: number) => orm.em.fork().findOneOrFail(Note, id);

test('a text with NUL is refused by PostgreSQL, and its neighbours are written', async () => {
  await stage(1, { text: 'before' });
  await stage(2, { text: 'a\0b' });
  await stage(3, { text: 'after' });
  await Spillway.of(orm).drain();
  expect(await orm.em.execute('select id, text from note order by id')).toEqual([
    { id: 1, text: 'before' },
    { id: 3, text: 'after' },
  ]);
  const dead = await Spillway.of(orm).deadLetters.list();
  expect(dead.map(({ rowKey, code }) => [rowKey, code])).toEqual([['["public","note","2"]', '22P05']]);
  for (const { shard, id } of dead) await Spillway.of(orm).deadLetters.discard({ shard, id });
});

test('a type that is read through SQL is written before it is read', async () => {
  await stage(10, { shouted: 'quiet' });
  expect((await one(10)).shouted).toBe('QUIET');
  const em = orm.em.fork();
  const note = await em.findOneOrFail(Note, 10);
  note.text = 'more';
  await em.flush();
  expect(await one(10)).toMatchObject({ text: 'more', shouted: 'QUIET' });
});

test('a tsvector is made by SQL', async () => {
  await stage(20, { words: 'the fat cats' });
  expect((await one(20)).words).toBe("'cats':3 'fat':2 'the':1");
});

test('a year before Christ is the same while it is staged and when it is written', async () => {
  const ides = new Date('-000043-03-15T12:00:00.000Z');
  await stage(30, { until: ides, wall: ides });
  expect(await one(30)).toMatchObject({ until: ides, wall: ides });
  await Spillway.of(orm).drain();
  expect(await one(30)).toMatchObject({ until: ides, wall: ides });
  expect(await orm.em.execute('select extract(year from until)::int as year from note where id = 30')).toEqual([
    { year: -44 },
  ]);
});

test('a conflict shows values of every type as the entity has them', async () => {
  const rows = fc.sample(
    fc.record(Object.fromEntries(Object.entries(EVERY_TYPE).map(([name, { values }]) => [name, values]))),
    {
      seed: 1,
      numRuns: 20,
    },
  );
  for (const [id, row] of rows.entries()) {
    const em = orm.em.fork();
    const rival = em.create(Rival, { id, note: 'ours', ...row } as never) as { note: string };
    await em.flush();
    await Spillway.of(orm).drain();
    await orm.em.execute('update rival set note = ? where id = ?', ['theirs', id]);
    rival.note = 'ours again';
    await em.flush();
    await Spillway.of(orm).drain();
    expect(await Spillway.of(orm).deadLetters.list()).toEqual([]);
    const now = await orm.em.fork().findOneOrFail(Rival, id);
    const { theirs } = seen.at(-1) as Seen;
    expect(Object.fromEntries(names.map((name) => [name, theirs[name]]))).toEqual(
      Object.fromEntries(names.map((name) => [name, Reflect.get(now, name)])),
    );
  }
});

test('a value that PostgreSQL refuses is read as it was staged, until it is a dead letter', async () => {
  const em = orm.em.fork();
  em.create(Rival, { id: 1000, note: 'refused', cidr: 'no network' } as never);
  await em.flush();
  expect(await orm.em.fork().findOne(Rival, 1000)).toMatchObject({ cidr: 'no network' });
});

test('a conflict function that answers what its column does not have buries the record, and nothing else is stored', async () => {
  const em = orm.em.fork();
  const rival = em.create(Rival, { id: 2000, note: 'ours', double_precision: 1.5 } as never) as { note: string };
  await em.flush();
  await Spillway.of(orm).drain();
  await orm.em.execute('update rival set note = ? where id = ?', ['theirs', 2000]);
  rival.note = 'ours again';
  await em.flush();
  answer = { write: { double_precision: '12,50' } };
  await Spillway.of(orm).drain();
  answer = undefined;
  const letters = await Spillway.of(orm).deadLetters.list({ entity: Rival });
  const letter = letters.find(({ rowKey }) => rowKey.includes('2000'));
  expect(letter?.message).toContain('Rival.double_precision was given a string that is no value of a double precision');
  expect(await orm.em.execute('select note, double_precision from rival where id = 2000')).toEqual([
    { note: 'theirs', double_precision: 1.5 },
  ]);
});
