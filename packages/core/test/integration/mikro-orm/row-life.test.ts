import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, type DeadLetter } from '../../../src/index.js';

const Parcel = defineEntity({
  name: 'Parcel',
  properties: {
    id: p.integer().primary(),
    label: p.string(),
    weight: p.integer(),
    sent: p.datetime().nullable(),
    opened: p.integer().default(0),
    version: p.integer().version(),
  },
});

const Plain = defineEntity({ name: 'Plain', properties: { id: p.integer().primary() } });

let db: Database;
let orm: MikroORM;
let service: Spillway;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Parcel, Plain],
    clientUrl: db.url,
    useBatchUpdates: false,
    allowGlobalContext: true,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 4,
        worker: false,
        tables: { ensure: true },
        logger: { warn: () => {}, error: () => {} },
        policies: [[Parcel.class, { mode: 'behind', counters: ['opened'], retry: { attempts: 1 } }]],
      }),
    ],
  });
  await query(`create table parcel (id int primary key, label varchar(20) not null,
    weight int not null check (weight > 0), sent timestamptz null, opened int not null default 0,
    version int not null default 1)`);
  service = Spillway.of(orm);
});
afterAll(async () => {
  await orm?.close();
  await db?.drop();
});

async function query(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(db.url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows ?? [];
  } finally {
    await client.end();
  }
}

/** A row, and a change of it that PostgreSQL refuses. */
async function refused(id: number): Promise<DeadLetter> {
  await query(`insert into parcel (id, label, weight) values (${id}, 'tea', 5)`);
  const em = orm.em.fork();
  Object.assign(await em.findOneOrFail(Parcel, id), { label: 'tea', weight: -1, sent: new Date(0) });
  await em.flush();
  await service.drain();
  const [letter] = (await service.life(Parcel, id)).letters;
  if (!letter) throw new Error('There is no dead letter');
  return letter;
}

test('the life of a row tells what waits of it, what is dead, what is remembered, and what the database has', async () => {
  const letter = await refused(1);
  await service.patch(Parcel, 1, { label: 'coffee' });
  const life = await service.life(Parcel, 1);
  expect(life).toMatchObject({
    rowKey: '["public","parcel","1"]',
    shard: letter.shard,
    held: [],
    dirty: { values: { label: '"coffee"' } },
    letters: [{ id: letter.id, code: '23514', record: { values: { weight: '-1' } } }],
    row: { version: '1', values: { label: '"tea"', weight: '5', sent: 'null', opened: '0' }, agreed: [] },
  });
  expect(life.inFlight).toBeUndefined();
  await service.drain();
  const after = await service.life(Parcel, 1);
  expect(after.dirty).toBeUndefined();
  expect(after).toMatchObject({ recent: { deleted: false }, row: { values: { label: '"coffee"' } } });
});

test('what a transaction that has not ended holds of a row is part of its life', async () => {
  await query("insert into parcel (id, label, weight) values (2, 'tea', 5)");
  await orm.em.fork().transactional(
    async (em) => {
      (await em.findOneOrFail(Parcel, 2)).label = 'held';
      await em.flush();
      expect((await service.life(Parcel, 2)).held).toMatchObject([{ values: { label: '"held"' } }]);
    },
    { spillway: 'stage' },
  );
});

test('a row that nobody knows, a key that is none, and an entity that is not written behind', async () => {
  expect(await service.life(Parcel, 999)).toMatchObject({ held: [], letters: [], row: undefined });
  await expect(service.life(Parcel, 'tea')).rejects.toThrow(/"tea" is no primary key, since id is of type integer/);
  await expect(service.life(Plain.class, 1)).rejects.toThrow(/is not written behind/);
  expect(service.entities).toEqual(['Parcel']);
});

describe('a dead letter', () => {
  test('stands beside its row, as PostgreSQL compares their values', async () => {
    const compared = await service.deadLetters.compare(await refused(3));
    expect(compared?.letter.record.values).toMatchObject({ weight: '-1' });
    expect(compared?.row).toMatchObject({ version: '1', values: { label: '"tea"', weight: '5' }, agreed: [] });
    expect(await service.deadLetters.compare({ shard: 0, id: '999' })).toBeUndefined();
  });

  test('of values that PostgreSQL cannot read stands beside its row all the same', async () => {
    await query("insert into parcel (id, label, weight) values (4, 'tea', 5)");
    await service.patch(Parcel, 4, { label: 'long '.repeat(60) });
    await service.drain();
    const [letter] = (await service.life(Parcel, 4)).letters;
    expect(letter?.code).toBe('22001');
    const compared = letter && (await service.deadLetters.compare(letter));
    expect(compared?.row?.values).toMatchObject({ label: '"tea"' });
  });

  test('is retried with values that a person has replaced, as the entity has them or as JSON has them', async () => {
    const letter = await refused(5);
    const values = { weight: 7, sent: '2026-01-02T03:04:05.000Z', label: 'green tea' };
    expect(await service.deadLetters.retry(letter, { values })).toBe('staged');
    await service.drain();
    expect(await query('select label, weight, sent, version from parcel where id = 5')).toEqual([
      { label: 'green tea', weight: 7, sent: new Date('2026-01-02T03:04:05.000Z'), version: 2 },
    ]);
    expect(await service.deadLetters.retry(letter, { values })).toBe('absent');
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ weight: 'heavy' }, /Parcel\.weight was given a string that is no value of a integer column/],
    [{ id: 7 }, /Parcel\.id cannot be replaced in a dead letter/],
    [{ version: 7 }, /Parcel\.version cannot be replaced in a dead letter/],
    [{ opened: 7 }, /Parcel\.opened cannot be replaced in a dead letter/],
    [{ colour: 'red' }, /Name a property that is persisted, and no key, version or counter/],
  ])('stays as it is when %j is to replace its values', async (values, reason) => {
    const [letter] = await service.deadLetters.list({ entity: Parcel });
    if (!letter) throw new Error('There is no dead letter');
    await expect(service.deadLetters.retry(letter, { values })).rejects.toThrow(reason);
    expect(await service.deadLetters.get(letter)).toEqual(letter);
  });

  test('that deletes its row has no values to replace', async () => {
    await query("insert into parcel (id, label, weight) values (6, 'tea', 5)");
    await query('create table stamp (parcel int references parcel (id)); insert into stamp values (6)');
    const em = orm.em.fork();
    await em.remove(await em.findOneOrFail(Parcel, 6)).flush();
    await service.drain();
    const [letter] = (await service.life(Parcel, 6)).letters;
    if (!letter) throw new Error('There is no dead letter');
    await expect(service.deadLetters.retry(letter, { values: { weight: 1 } })).rejects.toThrow(
      /deletes it, and has no values\. Retry it as it is, or discard it/,
    );
  });
});

test('the depths tell of each shard how much waits in it, and on which server', async () => {
  await service.patch(Parcel, 1, { label: 'deep' });
  const { shard } = await service.life(Parcel, 1);
  const depths = await service.depths();
  expect(depths.map((depth) => depth.shard)).toEqual([0, 1, 2, 3]);
  expect(depths[shard]).toMatchObject({ dirty: 1, inFlight: 0 });
  expect(Object.keys(depths[shard]?.oldestMs ?? {})).toEqual(['Parcel']);
  expect(depths[shard]?.server).toContain(new URL(sharedRedisUrl()).port);
});
