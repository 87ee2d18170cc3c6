import { defineEntity, p } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Point = defineEntity({
  name: 'Point',
  embeddable: true,
  properties: { lat: p.double(), seenAt: p.datetime().length(3).nullable() },
});
const Address = defineEntity({
  name: 'Address',
  embeddable: true,
  properties: {
    city: p.string(),
    zip: p.string().fieldName('zip_code').nullable(),
    since: p.datetime().length(3).nullable(),
    number: p.bigint().nullable(),
    tags: p.array().nullable(),
    point: () => p.embedded(Point).nullable(),
    document: () => p.embedded(Point).object().nullable(),
  },
});
const Country = defineEntity({ name: 'Country', properties: { id: p.integer().primary(), name: p.string() } });
const Origin = defineEntity({
  name: 'Origin',
  embeddable: true,
  properties: { note: p.string().nullable(), country: () => p.manyToOne(Country).nullable() },
});
/** Carries no policy: MikroORM writes it as always. */
const Letter = defineEntity({
  name: 'Letter',
  properties: { id: p.integer().primary(), origin: () => p.embedded(Origin) },
});
const Person = defineEntity({
  name: 'Person',
  properties: {
    id: p.integer().primary(),
    name: p.string().nullable(),
    home: () => p.embedded(Address).nullable(),
    work: () => p.embedded(Address).object().nullable(),
    former: () => p.embedded(Address).array().nullable(),
    origin: () => p.embedded(Origin).nullable(),
    version: p.integer().version(),
  },
});
const Visit = defineEntity({
  name: 'Visit',
  properties: { id: p.integer().primary(), place: () => p.embedded(Address).object(), version: p.integer().version() },
});
interface Place {
  readonly city: string;
  readonly since?: Date;
  readonly zip?: string;
}
WriteBehind({
  conflict: ({ ours, theirs }) => {
    const [mine, yours] = [ours['place'], theirs['place']] as [Place, Place];
    return { write: { place: { city: `${yours.city} and ${mine.city}`, zip: yours.zip, since: mine.since } } };
  },
})(Visit.class);
WriteBehind()(Country.class);
WriteBehind({ conflict: 'merge' })(Person.class);

const at = new Date('2026-01-02T03:04:05.678Z');
const full = {
  city: 'a "quote" 🌊',
  zip: '0123',
  since: at,
  number: 9223372036854775807n,
  tags: ['a', 'b,c'],
  point: { lat: -1.5, seenAt: at },
  document: { lat: 1e21, seenAt: new Date(0) },
};
const bare = { city: 'Berlin' };

let both: Twins;
let nextId = 100;

beforeAll(async () => {
  both = await twins([Country, Person, Letter, Visit]);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

/** Reads the person at once and when it is written, and answers what differs then. */
async function readTwice(id: number): Promise<unknown[]> {
  const read = async () => both.same((em) => em.findOne(Person, id));
  await read();
  const differences = await both.differences();
  await read();
  return differences;
}

describe('embeddables are staged, and read, as plain MikroORM writes and reads them:', () => {
  test.each([
    [1, { home: full, work: full, former: [full, bare, full] }],
    [2, { home: bare, work: bare, former: [bare] }],
    [3, { home: null, work: null, former: null }],
    [4, { name: 'none are set' }],
    [5, { former: [] }],
  ])('a new row %d', async (id, data) => {
    await both.same(async (em) => {
      em.create(Person, { id, ...data } as never);
      await em.flush();
    });
    expect(await readTwice(id)).toEqual([]);
  });

  test.each<[string, (person: never) => void]>([
    ['a property of an inline one', (person: { home: { city: string } }) => (person.home.city = 'Rome')],
    [
      'a property of one inside an inline one',
      (person: { home: { point: { lat: number } } }) => (person.home.point.lat = 7),
    ],
    [
      'a property of a document inside an inline one',
      (person: { home: { document: { seenAt: Date } } }) => (person.home.document.seenAt = new Date(1)),
    ],
    ['a property of a document', (person: { work: { zip: string } }) => (person.work.zip = '9')],
    ['a property inside a document', (person: { work: { point: { lat: number } } }) => (person.work.point.lat = 0.25)],
    [
      'an element of an array',
      (person: { former: { city: string }[] }) => ((person.former[0] as { city: string }).city = 'Oslo'),
    ],
    ['one more element', (person: { former: object[] }) => person.former.push(person.former[0] as object)],
    ['an inline one that is taken away', (person: { home: null }) => (person.home = null)],
    ['a document that is taken away', (person: { work: null }) => (person.work = null)],
  ] as never)('an update: %s', async (_, change) => {
    const id = nextId++;
    await both.same(async (em) => {
      em.create(Person, { id, home: full, work: full, former: [full, bare] } as never);
      await em.flush();
    });
    await both.same(async (em) => {
      change((await em.findOneOrFail(Person, id)) as never);
      await em.flush();
    });
    expect(await readTwice(id)).toEqual([]);
    await both.same(async (em) => {
      change((await em.findOneOrFail(Person, id)) as never);
      await em.flush();
    });
    expect(await readTwice(id)).toEqual([]);
  });

  test('a reference inside one waits for the row that it refers to', async () => {
    await both.same(async (em) => {
      em.create(Country, { id: 7, name: 'Peru' });
      em.create(Person, { id: 50, origin: { note: 'x', country: 7 } } as never);
      await em.flush();
    });
    expect(await readTwice(50)).toEqual([]);
    await both.same(async (em) => em.findOneOrFail(Person, 50, { populate: ['origin.country'] as never }));
  });

  test('a plain entity that refers from inside one to a staged row has that row written first', async () => {
    await both.same(async (em) => {
      em.create(Country, { id: 8, name: 'Chile' });
      await em.flush();
    });
    await both.same(async (em) => {
      em.create(Letter, { id: 1, origin: { country: em.getReference(Country, 8) } } as never);
      await em.flush();
    });
    expect(await both.differences()).toEqual([]);
  });
});

test('a conflict function has documents as the entity has them', async () => {
  const em = both.behind.em.fork();
  em.create(Visit, { id: 1, place: bare } as never);
  await em.flush();
  await Spillway.of(both.behind).drain();
  const visit = await em.findOneOrFail(Visit, 1);
  const sql = `update visit set place = '{"city":"Bonn","zip_code":"53111"}', version = 9`;
  await both.behind.em.getConnection().execute(sql);
  Object.assign(visit as object, { place: { city: 'Rome', since: at } });
  await em.flush();
  await Spillway.of(both.behind).drain();
  expect(await Spillway.of(both.behind).deadLetters.list()).toEqual([]);
  const found = await both.behind.em.fork().findOneOrFail(Visit, 1);
  expect({ ...(found as { place: object }).place }).toEqual({ city: 'Bonn and Rome', zip: '53111', since: at });
  await both.behind.em.fork().nativeDelete(Visit, { id: 1 });
});

test('a merge compares documents as documents: an order of keys is no change', async () => {
  const em = both.behind.em.fork();
  em.create(Person, { id: 60, work: full, name: 'a' } as never);
  await em.flush();
  await Spillway.of(both.behind).drain();
  const writer = both.behind.em.fork();
  const person = await writer.findOneOrFail(Person, 60);
  await both.behind.em
    .getConnection()
    .execute(`update person set work = work || '{}'::jsonb, name = 'theirs', version = version + 1 where id = 60`);
  Object.assign(person as object, { work: { ...full, city: 'ours' } });
  await writer.flush();
  await Spillway.of(both.behind).drain();
  expect(await Spillway.of(both.behind).deadLetters.list()).toEqual([]);
  const found = (await both.behind.em.fork().findOneOrFail(Person, 60)) as unknown as {
    name: string;
    work: typeof full;
  };
  expect([found.name, found.work.city]).toEqual(['theirs', 'ours']);
  await both.behind.em.fork().nativeDelete(Person, { id: 60 });
});
