import { defineEntity, EntityRepository, p, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

class Money {
  readonly #made: boolean;
  id!: number;
  amount!: number;
  currency!: string;

  constructor(amount: number, currency: string) {
    this.amount = amount;
    this.currency = currency;
    this.#made = true;
  }

  /** Throws for an instance that its constructor has not made. */
  get shown(): string {
    return this.#made ? `${this.amount} ${this.currency}` : '';
  }
}
const MoneySchema = defineEntity({
  class: Money,
  tableName: 'till_money',
  comment: 'what is in the till',
  forceConstructor: true,
  constructorParams: ['amount', 'currency'],
  orderBy: { amount: 'desc' },
  properties: { id: p.integer().primary(), amount: p.integer(), currency: p.string() },
});
const Elsewhere = defineEntity({
  name: 'Elsewhere',
  schema: 'annex',
  properties: { id: p.integer().primary(), text: p.string(), version: p.integer().version() },
});
const Stamped = defineEntity({
  name: 'Stamped',
  hasTriggers: true,
  triggers: [
    {
      name: 'loudly',
      timing: 'before',
      events: ['insert', 'update'],
      forEach: 'row',
      when: 'new.text is not null',
      body: 'NEW.loud := upper(NEW.text); return NEW;',
    },
  ],
  properties: {
    id: p.integer().primary(),
    text: p.string(),
    loud: p.string().nullable(),
    version: p.integer().version(),
  },
});
const Parted = defineEntity({
  name: 'Parted',
  partitionBy: {
    type: 'list',
    expression: 'region',
    partitions: [{ values: "in ('north')" }, { values: 'default' }],
  },
  properties: {
    id: p.integer().primary(),
    region: p.string().primary(),
    text: p.string(),
    version: p.integer().version(),
  },
});
const Fixed = defineEntity({
  name: 'Fixed',
  readonly: true,
  properties: { id: p.integer().primary(), text: p.string() },
});
class TillRepository extends EntityRepository<{ id: number; text: string }> {
  async named(text: string): Promise<object | null> {
    return this.findOne({ text });
  }
}
const Owned = defineEntity({
  name: 'Owned',
  repository: () => TillRepository,
  indexes: [
    { properties: ['text'], name: 'owned_text', type: 'hash', options: {} },
    {
      columns: [{ name: 'text', sort: 'DESC', nulls: 'LAST', collation: 'C', length: 10 }],
      include: ['id'],
      fillFactor: 80,
      where: "text <> ''",
    },
    { expression: 'create index owned_lower on owned (lower(text))' },
  ],
  uniques: [{ properties: ['id', 'text'], deferMode: 'deferred' }],
  checks: [{ name: 'owned_text_given', property: 'text', expression: (columns) => `length(${columns.text}) > 0` }],
  filters: {
    short: {
      name: 'short',
      cond: ({ most }) => ({ text: { $ne: most as string } }),
      args: true,
      strict: true,
      default: false,
    },
  },
  properties: { id: p.integer().primary(), text: p.string() },
});
const SCHEMAS = [MoneySchema, Elsewhere, Stamped, Parted, Fixed, Owned];
for (const schema of SCHEMAS) WriteBehind({ retry: { attempts: 1 } })(schema.class as never);

let both: Twins;

beforeAll(async () => {
  both = await twins(SCHEMAS);
});

beforeEach(async () => {
  await Spillway.of(both.behind).drain();
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

async function pending(): Promise<string[]> {
  return Object.keys((await Spillway.of(both.behind).status()).pending);
}

/** A row is made, changed and deleted, and read after each step: staged, and written. */
async function expectSame(schema: unknown, key: unknown, made: object, changed: object, name: string): Promise<void> {
  const read = async (): Promise<void> => both.same((em: EntityManager) => em.findOne(schema as never, key as never));
  const steps: readonly ((em: EntityManager) => unknown)[] = [
    (em) => em.create(schema as never, made as never),
    async (em) => Object.assign(await em.findOneOrFail<object>(schema as never, key as never), changed),
    async (em) => em.remove(await em.findOneOrFail<object>(schema as never, key as never)),
  ];
  for (const step of steps) {
    await both.same(async (em) => {
      await step(em);
      await em.flush();
    });
    expect(await pending()).toEqual([name]);
    await read();
    expect(await both.differences()).toEqual([]);
    await read();
  }
}

test('a name and a comment of the table, an order, and a constructor with parameters', async () => {
  await expectSame(MoneySchema, 1, { id: 1, amount: 5, currency: 'EUR' }, { amount: 7 }, 'Money');
  await both.same(async (em) => {
    for (const id of [2, 3, 4]) em.create(MoneySchema as never, { id, amount: id * 10, currency: 'CHF' } as never);
    await em.flush();
  });
  await both.same(async (em) => ((await em.find(MoneySchema as never, {})) as Money[]).map(({ shown }) => shown));
  // Of a row that is only staged, too.
  await both.same(async (em) => {
    em.create(MoneySchema as never, { id: 5, amount: 1, currency: 'USD' } as never);
    await em.flush();
    return ((await em.fork().findOneOrFail(MoneySchema as never, 5)) as Money).shown;
  });
  expect(await both.differences()).toEqual([]);
});

test('a schema of its own', async () => {
  await expectSame(Elsewhere, 1, { id: 1, text: 'a' }, { text: 'b' }, 'Elsewhere');
});

test('a table with partitions', async () => {
  await expectSame(Parted, [1, 'north'], { id: 1, region: 'north', text: 'a' }, { text: 'b' }, 'Parted');
  await expectSame(Parted, [1, 'south'], { id: 1, region: 'south', text: 'a' }, { text: 'b' }, 'Parted');
});

test('indexes, unique keys and checks, and a repository of its own', async () => {
  await expectSame(Owned, 1, { id: 1, text: 'a' }, { text: 'b' }, 'Owned');
  await both.same(async (em) => {
    em.create(Owned, { id: 2, text: 'found' });
    await em.flush();
    return em.fork().getRepository(Owned).named('found');
  });
  const em = both.behind.em.fork();
  em.create(Owned, { id: 3, text: '' });
  await em.flush();
  await Spillway.of(both.behind).drain();
  const dead = await Spillway.of(both.behind).deadLetters.list();
  expect(dead.map(({ reason }) => reason)).toEqual([expect.stringContaining('owned_text_given')]);
  for (const letter of dead) await Spillway.of(both.behind).deadLetters.discard(letter);
});

test('a filter that is on makes a look-up a query, which drains', async () => {
  await both.same(async (em) => em.insert(Owned, { id: 8, text: 'long' }));
  expect(await pending()).toEqual(['Owned']);
  for (const most of ['long', 'short'])
    await both.same((em) => em.findOne(Owned, { id: 8 }, { filters: { short: { most } } }));
  expect(await pending()).toEqual([]);
  await both.same(async (em) => {
    (await em.findOneOrFail(Owned, 8)).text = 'longer';
    await em.flush();
  });
  await both.same(async (em) => {
    em.setFilterParams('short', { most: 'longer' });
    return em.find(Owned, { id: { $gt: 0 } }, { filters: ['short'] });
  });
  await both.same(async (em) => {
    (await em.findOneOrFail(Owned, 8)).text = 'longest';
    await em.flush();
    em.clear();
    em.addFilter({ name: 'hidden', cond: { text: { $ne: 'longest' } }, entity: Owned });
    return [await em.findOne(Owned, 8), await em.findOne(Owned, 8, { filters: { hidden: false } })];
  });
  expect(await both.differences()).toEqual([]);
});

test('a trigger runs when the row is written: what it makes is seen from then on', async () => {
  await both.same(async (em) => {
    em.create(Stamped, { id: 1, text: 'a' });
    await em.flush();
  });
  expect(await pending()).toEqual(['Stamped']);
  expect(await both.behind.em.fork().findOne(Stamped, 1)).toMatchObject({ text: 'a', loud: null });
  expect(await both.differences()).toEqual([]);
  await both.same((em) => em.findOne(Stamped, 1));
});

test('an entity that is read only is never flushed, and its calls are staged', async () => {
  await both.same(async (em) => {
    await em.insert(Fixed, { id: 1, text: 'a' });
    Object.assign(await em.findOneOrFail(Fixed, 1), { text: 'b' });
    await em.flush();
    em.clear();
    return em.findOneOrFail(Fixed, 1);
  });
  expect(await pending()).toEqual(['Fixed']);
  expect(await both.differences()).toEqual([]);
});
