import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, WriteThrough } from '../../../src/index.js';

const Address = defineEntity({
  name: 'Address',
  embeddable: true,
  properties: { city: p.string(), since: p.datetime().nullable() },
});
const Person = defineEntity({
  name: 'Person',
  properties: {
    id: p.integer().primary(),
    home: () => p.embedded(Address),
    work: () => p.embedded(Address).object(),
    earlier: () => p.embedded(Address).array(),
    notes: p.text().lazy().default('none'),
    initial: p.string().generated('(left(home_city, 1)) stored').nullable(),
  },
});
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

WriteThrough({ cache: { ttl: '5m' } })(Person.class);
WriteThrough({ cache: { ttl: '5m' } })(Seat.class);
WriteBehind({ cache: { ttl: '5m' } })(Animal.class as never);

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await MikroORM.init({
    entities: [Address, Person, Seat, Animal, Dog, Cat],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function readsDuring(act: () => unknown): Promise<string[]> {
  return (await db.statements.during(act)).filter((statement) => /"(person|seat|animal)"/.test(statement));
}

test('embeddables and generated columns are in the copy; a lazy property is not, and is loaded by SQL', async () => {
  const em = orm.em.fork();
  const since = new Date('2020-02-02T02:02:02.002Z');
  const place = { city: 'Lima', since };
  em.create(Person, { id: 1, home: place, work: { city: 'Cusco', since: null }, earlier: [place], notes: 'long' });
  await em.flush();
  const read = async () => {
    const person = await orm.em.fork().findOneOrFail(Person, 1);
    return JSON.parse(JSON.stringify(person)) as unknown;
  };
  const real = await read();
  expect(real).toMatchObject({ home: { city: 'Lima', since: since.toISOString() }, initial: 'L' });
  expect(await readsDuring(async () => expect(await read()).toEqual(real))).toEqual([]);
  const lazily = await orm.em.fork().findOneOrFail(Person, 1, { populate: ['notes'] });
  expect(lazily.notes).toBe('long');
  const changing = orm.em.fork();
  (await changing.findOneOrFail(Person, 1)).home.city = 'Piura';
  await changing.flush();
  expect(await read()).toMatchObject({ home: { city: 'Piura' }, initial: 'P' });
});

test('keys of several columns are looked up, and block their rows', async () => {
  const em = orm.em.fork();
  em.create(Seat, { row: 'a', number: 1, label: 'first' });
  em.create(Seat, { row: 'a', number: 2, label: 'second' });
  await em.flush();
  const read = async () => (await orm.em.fork().findOneOrFail(Seat, { row: 'a', number: 1 })).label;
  await read();
  expect(await readsDuring(async () => expect(await read()).toBe('first'))).toEqual([]);
  const other = orm.em.fork();
  (await other.findOneOrFail(Seat, { row: 'a', number: 1 })).label = 'changed';
  await other.flush();
  expect(await read()).toBe('changed');
  await orm.em.fork().nativeUpdate(Seat, { row: 'a' }, { label: 'all' });
  expect(await read()).toBe('all');
});

test('classes of one table are copied by their root, and each finds its own', async () => {
  const em = orm.em.fork();
  em.create(Dog, { id: 1, name: 'Rex', tricks: 3 });
  em.create(Cat, { id: 2, name: 'Tom', lives: 9 });
  await em.flush();
  await Spillway.of(orm).drain();
  const find = async (entity: typeof Dog, id: number) => orm.em.fork().findOne(entity, { id });
  // A subclass does not read the columns of the others: it leaves no copy.
  expect(await find(Dog, 1)).toMatchObject({ tricks: 3 });
  expect(await readsDuring(() => find(Dog, 1))).toHaveLength(1);
  const animals = await orm.em.fork().find(Animal, { id: { $in: [1, 2] } });
  expect(animals.map((animal) => animal.constructor.name)).toEqual(['Dog', 'Cat']);
  const statements = await readsDuring(async () => {
    expect(await find(Dog, 1)).toMatchObject({ name: 'Rex', tricks: 3 });
    expect(await find(Dog, 2)).toBeNull();
    expect(await find(Cat as never, 2)).toMatchObject({ name: 'Tom', lives: 9 });
  });
  expect(statements).toEqual([]);
});
