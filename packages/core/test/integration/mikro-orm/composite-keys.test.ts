import { defineEntity, p, type EntitySchema } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { fresh, pending, twinFamilies } from './twins.js';

/** Two families of the same shape: one is written behind, the other by MikroORM alone. */
function family(prefix: string) {
  const Hall: EntitySchema = defineEntity({
    name: `${prefix}Hall`,
    properties: { city: p.string().primary(), number: p.integer().primary(), title: p.string().nullable() },
  });
  const Seat: EntitySchema = defineEntity({
    name: `${prefix}Seat`,
    properties: {
      hall: () => p.manyToOne(Hall).primary(),
      place: p.bigint().primary(),
      price: p.integer().nullable(),
      version: p.integer().version(),
    },
  });
  const Ticket: EntitySchema = defineEntity({
    name: `${prefix}Ticket`,
    properties: {
      id: p.integer().primary(),
      seat: () =>
        p
          .manyToOne(Seat)
          .nullable()
          .fieldNames('seat_city', 'seat_number', 'seat_place')
          .columnTypes('varchar(255)', 'int', 'bigint'),
      hall: () =>
        p
          .manyToOne(Hall)
          .nullable()
          .mapToPk()
          .joinColumns('at_city', 'at_number')
          .referencedColumnNames('city', 'number'),
      holder: p.string(),
      version: p.integer().version(),
    },
  });
  const Sign: EntitySchema = defineEntity({
    name: `${prefix}Sign`,
    properties: { hall: () => p.oneToOne(Hall).primary().owner(), text: p.string(), version: p.integer().version() },
  });
  const Receipt: EntitySchema = defineEntity({
    name: `${prefix}Receipt`,
    properties: { ticket: () => p.oneToOne(Ticket).primary().owner(), amount: p.integer() },
  });
  return { Hall, Seat, Ticket, Sign, Receipt };
}

const both = twinFamilies(family, () => ({ conflict: 'overwrite' }));

const read = async (entity: EntitySchema, key: unknown, options?: object): Promise<unknown> =>
  fresh(both.orm, entity, key, options);

describe('keys of several columns, and references as keys', () => {
  test('rows are inserted with their parents, read, changed, deleted and inserted again as by MikroORM alone', async () => {
    await both.expectSame(async (em, { Hall, Seat, Ticket, Sign, Receipt }, see) => {
      const hall = em.create(Hall, { city: 'Bern', number: 1, title: 'Grand' });
      const seat = em.create(Seat, { hall, place: 12n, price: 50 });
      const other = em.create(Seat, { hall, place: 13n });
      em.create(Sign, { hall, text: 'exit' });
      const ticket = em.create(Ticket, { seat, hall: ['Bern', 1] as never, holder: 'Ann' });
      const receipt = em.create(Receipt, { ticket, amount: 50 });
      await em.flush();
      see([seat.version, ticket.version]);
      see(await read(Hall, ['Bern', 1]));
      see(await read(Hall, { city: 'Bern', number: 1 }));
      see(await read(Seat, [['Bern', 1], 12n]));
      see(await read(Seat, { hall: ['Bern', 1], place: 13n }));
      see(await read(Sign, ['Bern', 1]));
      see(await read(Ticket, ticket.id));
      see(await read(Receipt, ticket.id));
      see(await read(Ticket, ticket.id, { populate: ['seat', 'seat.hall'] }));
      seat.price = 60;
      other.price = 70;
      hall.title = null;
      await em.flush();
      see([seat.version, other.version]);
      see(await read(Seat, [['Bern', 1], 12n]));
      seat.price = 61;
      ticket.seat = other;
      await em.flush();
      see([seat.version, other.version]);
      see(await read(Ticket, ticket.id));
      ticket.seat = null;
      ticket.hall = null;
      await em.flush();
      see(await read(Ticket, ticket.id));
      em.remove(seat);
      await em.flush();
      see(await read(Seat, [['Bern', 1], 12n]));
      em.remove(receipt);
      await em.flush();
      see(await read(Receipt, ticket.id));
      em.create(Receipt, { ticket, amount: 7 });
      await em.flush();
      see(await read(Receipt, ticket.id));
    });
  });

  test('rows that are in PostgreSQL already are read under what is pending, one by one and several at once', async () => {
    await both.expectSame(async (em, { Hall, Seat, Sign }, see) => {
      for (const number of [1, 2, 3]) {
        const hall = em.create(Hall, { city: 'Rome', number });
        em.create(Seat, { hall, place: 1n });
        em.create(Sign, { hall, text: 'open' });
      }
      await em.flush();
      await Spillway.of(both.orm).drain();
      const later = both.orm.em.fork();
      const hall = await later.findOneOrFail(Hall, { city: 'Rome', number: 2 });
      hall.title = 'Second';
      (await later.findOneOrFail(Sign, ['Rome', 2] as never)).text = 'closed';
      (await later.findOneOrFail(Seat, { hall: ['Rome', 2], place: 1n })).price = 9;
      await later.flush();
      see(await read(Hall, ['Rome', 2]));
      see(await read(Sign, ['Rome', 2]));
      see(await read(Seat, [['Rome', 2], 1n]));
      const several = await both.orm.em.fork().find(Hall, [
        ['Rome', 1],
        ['Rome', 2],
        ['Oslo', 1],
      ] as never);
      see(new Set(several.map(({ title }) => title)).size);
      see(several.find(({ title }) => title !== null)?.title);
      const seats = await both.orm.em
        .fork()
        .find(Seat, { hall: { city: 'Rome' } }, { orderBy: { hall: { number: 1 } } });
      see(seats.map(({ price }) => price));
      see(await both.orm.em.fork().count(Sign, { text: 'closed' }));
    });
  });

  test('a flush of such entities is staged, and a look-up by key writes nothing first', async () => {
    const em = both.orm.em.fork();
    const hall = em.create(both.behind.Hall, { city: 'Nice', number: 1 });
    em.create(both.behind.Seat, { hall, place: 1n });
    em.create(both.behind.Sign, { hall, text: 'on' });
    await em.flush();
    expect(await pending(both.orm)).toBe(3);
    expect(await read(both.behind.Seat, [['Nice', 1], 1n])).toMatchObject({ place: 1n });
    expect(await read(both.behind.Sign, ['Nice', 1])).toMatchObject({ text: 'on' });
    expect(
      await both.orm.em.fork().find(both.behind.Hall, [
        ['Nice', 1],
        ['Nice', 2],
      ] as never),
    ).toHaveLength(1);
    const seats = await both.orm.em.fork().find(both.behind.Seat, [
      [['Nice', 1], 1n],
      [['Nice', 1], 2n],
    ] as never);
    expect(seats.map(({ place }) => place)).toEqual([1n]);
    const signs = await both.orm.em.fork().find(both.behind.Sign, {
      hall: {
        $in: [
          ['Nice', 1],
          ['Nice', 2],
        ],
      },
    });
    expect(signs.map(({ text }) => text)).toEqual(['on']);
    expect(await pending(both.orm)).toBe(3);
  });
});
