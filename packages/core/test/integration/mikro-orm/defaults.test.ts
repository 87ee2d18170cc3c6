import { defineEntity, p } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Seal = defineEntity({
  name: 'Seal',
  embeddable: true,
  properties: { colour: p.string().default('red'), size: p.integer().default(3) },
});
const Document = defineEntity({
  name: 'Document',
  properties: {
    id: p.integer().primary(),
    title: p.string().defaultRaw("'it''s'"),
    pages: p.integer().default(7),
    price: p.decimal().precision(10).scale(2).default('1.5'),
    open: p.boolean().defaultRaw('true'),
    nothing: p.string().nullable().defaultRaw('null'),
    settings: p.json().defaultRaw(`'{"a":[1]}'`),
    inline: () => p.embedded(Seal),
    whole: () => p.embedded(Seal).object().nullable(),
    version: p.integer().version().default(5),
  },
});
const Shape = defineEntity({
  name: 'Shape',
  discriminatorColumn: 'kind',
  discriminatorValue: 'shape',
  properties: { id: p.integer().primary(), kind: p.string() },
});
const Circle = defineEntity({
  name: 'Circle',
  extends: Shape,
  discriminatorValue: 'circle',
  properties: { radius: p.integer().defaultRaw('4') },
});
const Ticket = defineEntity({
  name: 'Ticket',
  properties: {
    id: p.integer().primary(),
    number: p.integer().defaultRaw('(10 + 5)'),
    label: p.string().nullable(),
    version: p.integer().version(),
  },
});
const Line = defineEntity({
  name: 'Line',
  properties: {
    id: p.integer().primary(),
    amount: p.integer(),
    twice: p.integer().generated('(amount * 2) stored'),
    ticket: () => p.manyToOne(Ticket).nullable(),
    version: p.integer().version(),
  },
});
const Parcel = defineEntity({
  name: 'Parcel',
  properties: { id: p.integer().primary().generated('by default as identity'), note: p.string() },
});
const Invoice = defineEntity({
  name: 'Invoice',
  properties: {
    id: p.string().primary().defaultRaw("'no ' || 7"),
    number: p.integer().autoincrement(),
    stamp: p.string().returning().nullable(),
  },
});
const dated = (at: string) => ({
  id: p.integer().primary(),
  note: p.string(),
  changed: p.datetime().length(3).version().defaultRaw(at),
});
const Dated = defineEntity({ name: 'Dated', properties: dated("'2020-01-02T03:04:05.678Z'") });
const Late = defineEntity({ name: 'Late', properties: dated("now() - interval '1 day'") });
for (const schema of [Dated, Late, Parcel, Invoice, Document, Shape, Ticket, Line])
  WriteBehind()(schema.class as never);

let both: Twins;

beforeAll(async () => {
  both = await twins([Dated, Late, Parcel, Invoice, Document, Shape, Circle, Ticket, Line]);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

async function pending(): Promise<string[]> {
  return Object.keys((await Spillway.of(both.behind).status()).pending);
}

/** Reads the row at once and when it is written, and answers what differs then. */
async function readTwice(entity: unknown, id: number): Promise<unknown[]> {
  const read = async () => both.same((em) => em.findOne(entity as never, id));
  await read();
  const differences = await both.differences();
  await read();
  return differences;
}

describe('defaults that Spillway makes', () => {
  test('are in the entity, in the row and in the version as the database makes them', async () => {
    await both.same(async (em) => {
      const made = em.create(Document, { id: 1, inline: {} } as never);
      await em.flush();
      return made;
    });
    expect(await pending()).toEqual(['Document']);
    expect(await readTwice(Document, 1)).toEqual([]);
    await both.same(async (em) => {
      Object.assign(await em.findOneOrFail(Document, 1), { title: 'new' });
      await em.flush();
    });
    expect(await readTwice(Document, 1)).toEqual([]);
  });

  test('of a subclass are made in a batch of several classes', async () => {
    await both.same(async (em) => {
      const made = [em.create(Shape, { id: 1 } as never), em.create(Circle, { id: 2 } as never)];
      await em.flush();
      return made;
    });
    expect(await pending()).toEqual(['Shape']);
    expect(await readTwice(Shape, 1)).toEqual([]);
    expect(await readTwice(Circle, 2)).toEqual([]);
  });
});

describe('a date version with a default other than now', () => {
  test('sends the insert by SQL; later changes are staged', async () => {
    await both.same(async (em) => {
      const made = em.create(Dated, { id: 1, note: 'a' } as never);
      await em.flush();
      return made;
    });
    expect(await pending()).toEqual([]);
    expect(await readTwice(Dated, 1)).toEqual([]);
    const em = both.behind.em.fork();
    const late = em.create(Late, { id: 1, note: 'a' } as never);
    await em.flush();
    expect(Math.abs(Date.now() - late.changed.getTime() - 86_400_000)).toBeLessThan(3_600_000);
    const row = await em.findOneOrFail(Dated, 1);
    for (const each of [row, late]) each.note = 'b';
    await em.flush();
    expect(new Set(await pending())).toEqual(new Set(['Dated', 'Late']));
    for (const [entity, each] of [
      [Dated, row],
      [Late, late],
    ] as const) {
      expect(each.changed.getTime()).toBeGreaterThan(Date.UTC(2026));
      await Spillway.of(both.behind).drain();
      expect(await both.behind.em.fork().findOneOrFail(entity, 1)).toMatchObject({ note: 'b', changed: each.changed });
      for (const orm of [both.behind, both.plain]) await orm.em.fork().nativeDelete(entity, {});
    }
  });
});

describe('defaults that only the database can make', () => {
  test('send the insert by SQL; later changes are staged', async () => {
    await both.same(async (em) => {
      const ticket = em.create(Ticket, { id: 1, label: 'a' } as never);
      await em.flush();
      return ticket;
    });
    expect(await pending()).toEqual([]);
    await both.same(async (em) => {
      const ticket = await em.findOneOrFail(Ticket, 1);
      Object.assign(ticket as object, { label: 'b' });
      await em.flush();
      return ticket;
    });
    expect(await pending()).toEqual(['Ticket']);
    expect(await readTwice(Ticket, 1)).toEqual([]);
  });

  test('are not needed where the value is set: the insert is staged', async () => {
    await both.same(async (em) => {
      em.create(Ticket, { id: 2, number: 1 } as never);
      await em.flush();
    });
    expect(await pending()).toEqual(['Ticket']);
    expect(await readTwice(Ticket, 2)).toEqual([]);
  });

  test('may be a key, the number of a sequence, or what a trigger sets', async () => {
    for (const orm of [both.behind, both.plain]) {
      await orm.em.getConnection().execute(
        `create function stamp() returns trigger language plpgsql as $$ begin new.stamp = 'seen'; return new; end $$;
         create trigger stamp before insert on invoice for each row execute function stamp()`,
      );
    }
    await both.same(async (em) => {
      const invoice = em.create(Invoice, {} as never);
      await em.flush();
      return invoice;
    });
    expect(await pending()).toEqual([]);
    expect(await both.differences()).toEqual([]);
  });

  test('write what is staged of the same flush by SQL too', async () => {
    await both.same(async (em) => {
      const ticket = em.create(Ticket, { id: 3, number: 1 } as never);
      await em.flush();
      em.create(Line, { id: 3, amount: 4, ticket } as never);
      await em.flush();
    });
    expect(await pending()).toEqual([]);
    expect(await readTwice(Ticket, 3)).toEqual([]);
  });
});

test('a key that is an identity column is numbered from its sequence', async () => {
  const em = both.behind.em.fork();
  const parcels = [em.create(Parcel, { note: 'a' } as never), em.create(Parcel, { note: 'b' } as never)];
  await em.flush();
  expect(await pending()).toEqual(['Parcel']);
  expect(parcels.map((parcel) => Reflect.get(parcel, 'id'))).toEqual([1, 2]);
  await Spillway.of(both.behind).drain();
  expect(await both.behind.em.fork().find(Parcel, {}, { orderBy: { id: 'asc' } })).toMatchObject([
    { id: 1, note: 'a' },
    { id: 2, note: 'b' },
  ]);
  await both.behind.em.fork().nativeDelete(Parcel, {});
});

test('a generated column is not staged, and is right whenever the row is looked up', async () => {
  await both.same(async (em) => {
    const line = em.create(Line, { id: 1, amount: 21 } as never);
    await em.flush();
    return line;
  });
  expect(await readTwice(Line, 1)).toEqual([]);
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Line, 1), { amount: 5 });
    await em.flush();
  });
  expect(await pending()).toEqual(['Line']);
  expect(await readTwice(Line, 1)).toEqual([]);
});
