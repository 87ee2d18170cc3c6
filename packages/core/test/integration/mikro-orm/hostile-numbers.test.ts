import { defineEntity, MikroORM, p, type EntityName } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

/** Written out, its power of ten takes seconds; on the event loop, of everybody. */
const LONG = ['1e20000000', '-1e20000000', '1e-20000000', '9'.repeat(100_000), `0.${'9'.repeat(100_000)}`];
/** Far more than such a text takes to be refused, and far less than it takes to be written out. */
const MOST_MS = 1_000;

const counters = { hits: p.integer().default(0), score: p.decimal().precision(12).scale(2).default('0') };
const tallyProperties = { id: p.integer().primary(), ...counters, version: p.integer().version() };
const Tally = defineEntity({ name: 'Tally', properties: tallyProperties });
const PlainTally = defineEntity({ name: 'PlainTally', properties: tallyProperties });
const price = { id: p.decimal().precision(12).scale(2).primary(), name: p.string() };
const Price = defineEntity({ name: 'Price', properties: price });
const PlainPrice = defineEntity({ name: 'PlainPrice', properties: price });
const word = { id: p.string().length(8).primary(), name: p.string() };
const Word = defineEntity({ name: 'Word', properties: word });
const PlainWord = defineEntity({ name: 'PlainWord', properties: word });
const Moment = defineEntity({
  name: 'Moment',
  properties: { id: p.integer().primary(), name: p.string(), changedAt: p.datetime().length(3).version() },
});
for (const schema of [Price, Word, Moment]) WriteBehind({ debounce: '1h', maxDelay: '1h' })(schema.class as never);
WriteBehind({
  debounce: '1h',
  maxDelay: '1h',
  counters: ['hits', 'score'],
  retry: { attempts: 1, minDelay: '1ms', maxDelay: '2ms' },
})(Tally.class as never);

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Tally, PlainTally, Price, PlainPrice, Word, PlainWord, Moment],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
  for (const [counts, prices, words] of [
    [Tally, Price, Word],
    [PlainTally, PlainPrice, PlainWord],
  ] as const) {
    await orm.em.fork().insertMany(counts, [
      { id: 0, hits: 5, score: '5.00' },
      { id: 7, hits: 5, score: '5.00' },
    ] as never);
    await orm.em.fork().insertMany(prices, [
      { id: '0.00', name: 'nothing' },
      { id: '1.01', name: 'a bit' },
    ] as never);
    await orm.em.fork().insertMany(words, [
      { id: '7', name: 'seven' },
      { id: '', name: 'nothing' },
    ] as never);
  }
  await orm.em.fork().insert(Moment, { id: 1, name: 'now' });
  await Spillway.of(orm).drain();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

/** What somebody is answered, or the SQLSTATE of a refusal, or that it was refused by us. */
async function answerOf(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    return { refused: (error as { code?: string }).code ?? String(error) };
  }
}

/** The longest that the event loop stood still meanwhile. */
async function longestStop(act: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await act();
  clearInterval(timer);
  return Math.max(longest, performance.now() - last);
}

async function tallies(table: string): Promise<unknown> {
  return orm.em.getConnection().execute(`select id, hits, score from ${table} order by id`);
}

describe('a short text of a long number does not freeze the process', () => {
  test.each(LONG.map((text) => [text.slice(0, 12), text]))('%s given to increment()', async (_, text) => {
    const refused = { refused: 'CONFIG_INVALID' };
    const stop = await longestStop(async () => {
      for (const name of ['hits', 'score'])
        expect(await answerOf(async () => Spillway.of(orm).increment(Tally, 7, { [name]: text }))).toEqual(refused);
    });
    expect(stop).toBeLessThan(MOST_MS);
  });

  test.each(LONG.map((text) => [text.slice(0, 12), text]))('%s given to a counter', async (_, text) => {
    const stop = await longestStop(async () => {
      for (const name of ['hits', 'score']) {
        const em = orm.em.fork();
        Object.assign(await em.findOneOrFail(Tally, 7), { [name]: text });
        const plain = orm.em.fork();
        Object.assign(await plain.findOneOrFail(PlainTally, 7), { [name]: text });
        expect(await answerOf(async () => em.flush())).toEqual(await answerOf(async () => plain.flush()));
      }
    });
    expect(await tallies('tally')).toEqual(await tallies('plain_tally'));
    expect(stop).toBeLessThan(MOST_MS);
  });

  test.each(LONG.map((text) => [text.slice(0, 12), text]))('%s given to a look-up by key', async (_, text) => {
    const stop = await longestStop(async () => {
      for (const [ours, plain] of [
        [Tally, PlainTally],
        [Price, PlainPrice],
      ] as const) {
        const look = (entity: EntityName) => answerOf(async () => orm.em.fork().findOne(entity, text));
        expect(await look(ours)).toEqual(await look(plain));
      }
    });
    expect(stop).toBeLessThan(MOST_MS);
  });

  test.each(LONG.map((text) => [text.slice(0, 12), text]))('%s given as the version of a patch()', async (_, text) => {
    const stop = await longestStop(async () => {
      const patch = async () => Spillway.of(orm).patch(Tally, 7, { hits: 1 }, { version: text as never });
      expect(await answerOf(patch)).toEqual({ refused: 'CONFIG_INVALID' });
    });
    expect(stop).toBeLessThan(MOST_MS);
  });
});

describe('increment() by what is no number', () => {
  test.each([
    '',
    ' ',
    'abc',
    '12,50',
    '0x10',
    '1_000',
    'NaN',
    '1e-20000000',
    '0.001',
    true,
    [5],
    new Date(5),
    {},
    Number.NaN,
  ])('%j is refused, and says why', async (by) => {
    const increment = Spillway.of(orm).increment(Tally, 7, { score: by } as never);
    await expect(increment).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/increment of Tally\.score by .*: the difference must be a number of at most 2/),
    });
  });
});

/** Keys that are none, or are written in another way than PostgreSQL writes them. */
const KEYS = [
  '',
  ' ',
  '\n',
  'abc',
  '7',
  ' 7 ',
  '+7',
  '007',
  '0x7',
  '7.0',
  '7.5',
  7.5,
  'NaN',
  '1.005',
  '1.01',
  '1e0',
  '99999999999',
  99_999_999_999,
];

describe('a look-up by a key that is none', () => {
  const names = (found: unknown) => (found && typeof found === 'object' && 'name' in found ? found.name : found);
  test.each(KEYS)('answers what plain MikroORM answers, of whole numbers: %j', async (key) => {
    const look = (entity: EntityName) =>
      answerOf(async () => {
        const found = await orm.em.fork().findOne(entity, { id: key });
        return found && Reflect.get(found as object, 'id');
      });
    await Spillway.of(orm).increment(Tally, 0, { hits: 1 });
    expect(await look(Tally)).toEqual(await look(PlainTally));
  });

  test.each(KEYS)('answers what plain MikroORM answers, of decimals: %j', async (key) => {
    const look = async (entity: EntityName) =>
      names(await answerOf(async () => orm.em.fork().findOne(entity, { id: key })));
    expect(await look(Price)).toEqual(await look(PlainPrice));
  });

  test.each([...KEYS, 7, 0, 'too long a word', 'a\0'])(
    'answers what plain MikroORM answers, of texts: %j',
    async (key) => {
      const look = async (entity: EntityName) =>
        names(await answerOf(async () => orm.em.fork().findOne(entity, { id: key })));
      expect(await look(Word)).toEqual(await look(PlainWord));
    },
  );

  test("findOne(E, '') answers no row", async () => {
    expect(await answerOf(async () => orm.em.fork().findOne(Tally, '' as never))).toEqual({ refused: '22P02' });
  });

  test.each(['', 'abc', '7.5', 7.5, 99_999_999_999])('nothing is staged for a row of the key %j', async (key) => {
    for (const write of [
      async () => Spillway.of(orm).increment(Tally, key as never, { hits: 1 }),
      async () => Spillway.of(orm).patch(Tally, key as never, { hits: 1 }),
      async () => {
        const em = orm.em.fork();
        em.create(Tally, { id: key as never });
        await em.flush();
      },
      async () => ((em) => em.remove(em.getReference(Tally, key as never)).flush())(orm.em.fork()),
    ])
      await expect(write()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/Tally: .* is no primary key, since id is of type integer\. Use a value/),
      });
  });
});

describe('a counter that is given what its column does not have', () => {
  const VALUES = [
    '',
    ' ',
    'abc',
    '12,50',
    '1e3',
    '1.5',
    '0x10',
    'NaN',
    2.5,
    -2.5,
    1e21,
    true,
    new Date(5),
    [5],
    {},
    '7',
  ];
  test.each(['hits', 'score'].flatMap((name) => VALUES.map((value) => [name, value] as const)))(
    'is stored as by plain MikroORM, or refused as there: %s = %j',
    async (name, value) => {
      for (const entity of [Tally, PlainTally]) {
        const em = orm.em.fork();
        Object.assign(await em.findOneOrFail(entity as EntityName, 7), { hits: 5, score: '5.00' });
        await em.flush();
      }
      await Spillway.of(orm).drain();
      const set = async (entity: EntityName): Promise<void> => {
        const em = orm.em.fork();
        Object.assign(await em.findOneOrFail(entity, 7), { [name]: value });
        // Refused now, or a dead letter.
        await em.flush().catch(() => undefined);
        await Spillway.of(orm).drain();
      };
      await set(Tally);
      await set(PlainTally);
      const [ours, plain] = [await tallies('tally'), await tallies('plain_tally')];
      expect((ours as object[])[1]).toEqual((plain as object[])[1]);
    },
  );
});

describe('a version that is none', () => {
  test.each(['', 'abc', '1e5', '0x1', 1.5, -0.5, Number.NaN, true, new Date(5), {}])(
    'of a patch(): %j is refused, and says so',
    async (version) => {
      await expect(Spillway.of(orm).patch(Tally, 7, { hits: 1 }, { version: version as never })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/A patch of Tally cannot be staged: .*version that is no whole number/),
      });
    },
  );

  test.each(['', 'abc', '5', new Date(Number.NaN), true, {}])('that is a moment: %j is refused', async (version) => {
    await expect(Spillway.of(orm).patch(Moment, 1, { name: 'x' }, { version: version as never })).rejects.toMatchObject(
      { code: 'CONFIG_INVALID', message: expect.stringMatching(/version that is no moment/) },
    );
  });

  test.each(['', 'abc', '1e5', 1.5])('of an entity: %j is refused, and nothing is staged', async (version) => {
    for (const act of ['update', 'remove'] as const) {
      const em = orm.em.fork();
      const tally = await em.findOneOrFail(Tally, 7);
      Object.assign(tally, { version });
      if (act === 'remove') em.remove(tally);
      else Object.assign(tally, { hits: 100, score: 'NaN' });
      await expect(em.flush()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/Tally\.version, the version of the row, was set to what is no whole number/),
      });
      expect((await Spillway.of(orm).status()).pending['Tally']).toBeUndefined();
    }
  });
});
