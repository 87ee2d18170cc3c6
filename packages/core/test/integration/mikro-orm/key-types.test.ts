import { defineEntity, p, Type, type EntitySchema } from '@mikro-orm/postgresql';
import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { fresh, pending, twinFamilies } from './twins.js';

/** `A-7` in the entity, 7 in the database. */
class Ticket extends Type<string, number> {
  override convertToDatabaseValue(value: string): number {
    return Number(value.slice(2));
  }

  override convertToJSValue(value: number): string {
    return `A-${value}`;
  }

  override getColumnType(): string {
    return 'integer';
  }
}

const KEYS = {
  moment: [p.datetime().length(3), [new Date('2026-01-02T03:04:05.678Z'), new Date('2027-01-02T03:04:05.001Z')]],
  seconds: [p.datetime().length(0), [new Date('2026-01-02T03:04:05Z'), new Date('1969-12-31T23:59:58Z')]],
  wall: [p.datetime().columnType('timestamp(3)'), [new Date('2026-07-02T03:04:05.678Z'), new Date(1)]],
  bytes: [p.blob(), [Buffer.from([0, 255]), Buffer.from([1])]],
  decimal: [p.decimal().precision(10).scale(2), ['10.50', '-0.01']],
  day: [p.date(), ['2026-02-28', '0099-12-31']],
  custom: [p.type(Ticket), ['A-7', 'A-12']],
} as const;
type KeyType = keyof typeof KEYS;

function family(prefix: string) {
  const entities: Record<string, EntitySchema> = {};
  for (const [name, [key]] of Object.entries(KEYS)) {
    const one: EntitySchema = defineEntity({
      name: `${prefix}One${name}`,
      properties: {
        id: key.primary(),
        count: p.integer(),
        text: p.string().nullable(),
        version: p.integer().version(),
      },
    });
    entities[name] = one;
    entities[`${name} in two columns`] = defineEntity({
      name: `${prefix}Two${name}`,
      properties: {
        one: () => p.manyToOne(one).primary(),
        part: key.primary(),
        other: () => p.manyToOne(one).nullable(),
        text: p.string().nullable(),
        version: p.integer().version(),
      },
    });
  }
  return entities;
}

const both = twinFamilies(family, (name) => (name.includes(' ') ? {} : { counters: ['count'] }));

test.each(Object.keys(KEYS) as KeyType[])('a key of the kind "%s" is staged as by MikroORM alone', async (kind) => {
  const [first, second] = KEYS[kind][1];
  let versions: unknown[] = [];
  let records = 0;
  await both.expectSame(async (em, entities, see) => {
    const One = entities[kind] as EntitySchema;
    const Two = entities[`${kind} in two columns`] as EntitySchema;
    const a = em.create(One, { id: first, count: 1 } as never);
    const b = em.create(One, { id: second, count: 1 } as never);
    const two = em.create(Two, { one: a, part: second, other: b } as never);
    await em.flush();
    em.assign(a, { text: 'a' } as never);
    em.assign(b, { text: 'b' } as never);
    em.assign(two, { text: 'two', other: null } as never);
    await em.flush();
    // MikroORM alone loses the versions of rows with a moment as key when it updates several at once.
    versions = [a, b, two].map((entity) => Reflect.get(entity, 'version') as unknown);
    records = await pending(both.orm);
    see(await fresh(both.orm, One, first));
    see(await fresh(both.orm, One, { id: second }));
    see(await unmarked(Two, { one: first, part: second }));
    await Spillway.of(both.orm).drain();
    em.assign(two, { other: a } as never);
    em.remove(b);
    await em.flush();
    see(await fresh(both.orm, One, second));
    see(await unmarked(Two, [first, second]));
    see(await both.orm.em.fork().count(One, { text: 'a' }));
  });
  expect(versions).toEqual([2, 2, 2]);
  expect(records).toBe(3);
});

/** Without what is taken for changed: MikroORM itself takes a moment in a reference for that. */
async function unmarked(entity: EntitySchema, key: unknown): Promise<unknown> {
  const { changes: _, ...values } = (await fresh(both.orm, entity, key)) as Record<string, unknown>;
  return values;
}

test('a key of a custom type is given to increment() as the entity has it', async () => {
  const One = both.behind['custom'] as EntitySchema;
  const em = both.orm.em.fork();
  em.create(One, { id: 'A-99', count: 1 } as never);
  await em.flush();
  await Spillway.of(both.orm).increment(One as never, 'A-99', { count: 5 });
  expect(await fresh(both.orm, One, 'A-99')).toMatchObject({ count: 6 });
  await Spillway.of(both.orm).drain();
  expect(await fresh(both.orm, One, 'A-99')).toMatchObject({ count: 6 });
});

test.each(['2026-02-30', '2026-13-01', 'tomorrow', '2026-02-28T00:00:00Z', ''])(
  'a key that is no day (%j) is refused at once, by name',
  async (day) => {
    const One = both.behind['day'] as EntitySchema;
    await expect(Spillway.of(both.orm).increment(One as never, day, { count: 1 })).rejects.toThrow(
      `Oneday: ${JSON.stringify(day)} is no primary key, since id is of type date`,
    );
  },
);

test('a day is one key, however it is written', async () => {
  const One = both.behind['day'] as EntitySchema;
  const em = both.orm.em.fork();
  em.create(One, { id: '2026-03-04', count: 1 } as never);
  await em.flush();
  await Spillway.of(both.orm).increment(One as never, '2026-3-4', { count: 2 });
  await Spillway.of(both.orm).increment(One as never, '2026-03-04', { count: 4 });
  expect(await pending(both.orm)).toBe(1);
  await Spillway.of(both.orm).drain();
  expect(await fresh(both.orm, One, '2026-03-04')).toMatchObject({ count: 7 });
});

test('moments that are a millisecond apart are two keys', async () => {
  const One = both.behind['moment'] as EntitySchema;
  const at = (ms: number): Date => new Date(Date.UTC(2030, 0, 1, 0, 0, 0, ms));
  for (const ms of [1, 2]) {
    const em = both.orm.em.fork();
    em.create(One, { id: at(ms), count: ms } as never);
    await em.flush();
  }
  expect(await fresh(both.orm, One, at(1))).toMatchObject({ count: 1 });
  await Spillway.of(both.orm).drain();
  expect(await fresh(both.orm, One, at(2))).toMatchObject({ count: 2 });
});
