import { defineEntity, p, type EntityManager, type EntitySchema, type MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

enum Colour {
  Red = 'red',
  Blue = 'Blue',
}

enum Level {
  Low = 1,
  High = 2,
}

/** Keys by type: those of the rows that there are, and values that look like them and may be none. */
const KEYS: Readonly<Record<string, readonly [key: never, rows: readonly unknown[], sought: readonly unknown[]]>> = {
  decimal: [
    p.decimal().precision(10).scale(2) as never,
    ['1.51', '10.50', '0.00'],
    [
      '1.505',
      '1.510',
      '1.5100000001',
      '01.51',
      '+1.51',
      ' 1.51',
      '1.51 ',
      '151e-2',
      '1.514',
      '10.5',
      '10.499',
      '0',
      '-0',
      '-0.001',
      '.00',
    ],
  ],
  'decimal as number': [
    p.decimal('number').precision(10).scale(2) as never,
    [1.51, 10.5, 0],
    [1.505, 1.5099999, 10.500001, -0, 0.004, 10.5, '1.505', '1.51'],
  ],
  'decimal without digits': [
    p.decimal().precision(10).scale(0) as never,
    ['2', '-1'],
    ['1.5', '2.4', '2.0', '02', '-0.6', '-1.0'],
  ],
  integer: [
    p.integer() as never,
    [1, 20],
    ['1', '01', '+1', ' 1', '1 ', 1.2, '1.0', '0x1', '1e0', '2e1', '1_0', 20.4, true],
  ],
  bigint: [
    p.bigint() as never,
    ['1', '9007199254740993'],
    ['01', '+1', 1, 1n, '1.0', ' 1', 9007199254740993n, '9007199254740992', '09007199254740993', 9007199254740992],
  ],
  uuid: [
    p.uuid() as never,
    ['0192f1d0-0000-7000-8000-00000000abcd'],
    [
      '0192F1D0-0000-7000-8000-00000000ABCD',
      '{0192f1d0-0000-7000-8000-00000000abcd}',
      '0192f1d000007000800000000000abcd',
      '0192f1d0-0000-7000-8000-00000000abcd ',
      '0192f1d0-00007000-8000-00000000abcd',
      '0192f1d0-0000-7000-8000-00000000abc',
    ],
  ],
  text: [p.text() as never, ['a', 'a ', 'é', ''], ['A', 'a', ' a', 'a ', 'a  ', 'e\u0301', '', 'a\u0000']],
  varchar: [
    p.string().length(3) as never,
    ['abc', 'a  ', 'é'],
    ['abcd', 'abc ', 'a', 'a ', 'a  ', 'a   ', 'e\u0301', 'ABC'],
  ],
  enum: [p.enum(() => Colour) as never, [Colour.Red, Colour.Blue], ['Red', 'RED', 'red ', 'blue', 'Blue', 'green']],
  'enum of numbers': [p.enum(() => Level) as never, [Level.Low, Level.High], [1.4, '1', '01', '2.0', 3]],
  moment: [
    p.datetime().length(3) as never,
    [new Date('2026-01-02T03:04:05.678Z'), new Date('2026-01-02T03:04:06.000Z')],
    [
      new Date('2026-01-02T03:04:05.678Z'),
      new Date('2026-01-02T03:04:05.679Z'),
      '2026-01-02T03:04:05.678Z',
      '2026-01-02T04:04:05.678+01:00',
      '2026-01-02 03:04:05.6784+00',
      '2026-01-02 03:04:05.678',
      '2026-01-02 03:04:06+00',
      '2026-01-02',
      '2026-02-30 03:04:06+00',
    ],
  ],
  seconds: [
    p.datetime().length(0) as never,
    [new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:06Z')],
    [new Date('2026-01-02T03:04:05.400Z'), new Date('2026-01-02T03:04:05.600Z'), new Date('2026-01-02T03:04:05.000Z')],
  ],
  bytes: [
    p.blob() as never,
    [Buffer.from([0, 255]), Buffer.from([1])],
    [new Uint8Array([0, 255]), Buffer.from([0]), '\\x01', '\\x00FF'],
  ],
};

const entities: Record<string, EntitySchema> = {};
for (const [position, [kind, [key]]] of Object.entries(KEYS).entries()) {
  const entity: EntitySchema = defineEntity({
    name: `Odd ${kind}`.replaceAll(' ', '_'),
    properties: {
      id: (key as unknown as { primary(): never }).primary(),
      text: p.string(),
      count: p.integer().default(0),
    },
  });
  // Every other one has copies of its rows.
  WriteBehind({ counters: ['count'], ...(position % 2 === 1 && { cache: { ttl: '5m' } }) })(entity.class as never);
  entities[kind] = entity;
}

let pair: Twins;

beforeAll(async () => {
  pair = await twins(Object.values(entities));
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
});

type Act = (em: EntityManager, entity: EntitySchema, key: unknown) => Promise<unknown>;

const texts = (rows: readonly unknown[]): string[] =>
  rows.map((row) => String(Reflect.get(row as object, 'text'))).toSorted((left, right) => left.localeCompare(right));

const READS: Readonly<Record<string, Act>> = {
  'em.findOne() by key': async (em, entity, key) => texts([await em.findOne(entity, key as never)].filter(Boolean)),
  'em.findOne() by property': async (em, entity, id) => texts([await em.findOne(entity, { id })].filter(Boolean)),
  'em.find() of several': async (em, entity, id) => texts(await em.find(entity, { id: { $in: [id, id] } })),
};

const WRITES: Readonly<Record<string, Act>> = {
  'em.nativeUpdate()': async (em, entity, id) => em.nativeUpdate(entity, { id }, { text: 'changed' } as never),
  'em.nativeDelete()': async (em, entity, id) => em.nativeDelete(entity, { id }),
};

/** Changes of rows that nobody has loaded. */
const BLIND: Readonly<Record<string, Act>> = {
  'em.remove() of a reference': async (em, entity, key) => em.remove(em.getReference(entity, key as never)).flush(),
  'em.assign() to a reference': async (em, entity, key) => {
    em.assign(em.getReference(entity, key as never), { text: 'assigned' } as never);
    await em.flush();
  },
};

async function makeRows(orm: MikroORM, kind: string): Promise<EntitySchema> {
  const [, rows] = KEYS[kind] as (typeof KEYS)[string];
  const entity = entities[kind] as EntitySchema;
  const em = orm.em.fork();
  await em.nativeDelete(entity, {});
  for (const [position, id] of rows.entries()) em.create(entity, { id, text: String(position) } as never);
  await em.flush();
  return entity;
}

/** What an act answers, or that it fails. */
async function answerOf(orm: MikroORM, act: Act, entity: EntitySchema, key: unknown): Promise<unknown> {
  return act(orm.em.fork(), entity, key).catch((error: unknown) => `fails: ${(error as { code?: string }).code}`);
}

async function readBy(orm: MikroORM, entity: EntitySchema, act: Act, sought: readonly unknown[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const key of sought) answers.push({ key, answer: await answerOf(orm, act, entity, key) });
  return answers;
}

async function writtenBy(orm: MikroORM, kind: string, act: Act, sought: readonly unknown[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const key of sought) {
    const entity = await makeRows(orm, kind);
    const answer = await answerOf(orm, act, entity, key);
    answers.push({ key, answer, rows: texts(await orm.em.fork().find(entity, {})) });
  }
  return answers;
}

describe.each(Object.keys(entities))('a key of the kind "%s" that is looked for in another form', (kind) => {
  const [, , sought] = KEYS[kind] as (typeof KEYS)[string];

  test('finds what it finds without Spillway, whether rows are staged or written', async () => {
    const plain = await makeRows(pair.plain, kind);
    const behind = await makeRows(pair.behind, kind);
    for (const [name, act] of Object.entries(READS)) {
      const expected = await readBy(pair.plain, plain, act, sought);
      // A look-up by SQL drains: what is staged is staged anew.
      await makeRows(pair.behind, kind);
      expect.soft(await readBy(pair.behind, behind, act, sought), `${name}, staged`).toEqual(expected);
      await Spillway.of(pair.behind).drain();
      expect.soft(await readBy(pair.behind, behind, act, sought), `${name}, written`).toEqual(expected);
    }
  });

  test('changes what it changes without Spillway', async () => {
    for (const [name, act] of Object.entries(WRITES)) {
      const expected = await writtenBy(pair.plain, kind, act, sought);
      expect.soft(await writtenBy(pair.behind, kind, act, sought), name).toEqual(expected);
    }
  });
});

describe.each(['decimal', 'seconds'])('a reference with a key that the column would round (%s)', (kind) => {
  const [, , all] = KEYS[kind] as (typeof KEYS)[string];
  // Blanks around a number, which PostgreSQL takes, are refused by name.
  const sought = all.filter((key) => String(key).trim() === String(key));

  test.each(Object.entries(BLIND))('changes what it changes without Spillway: %s', async (_, act) => {
    const expected = await writtenBy(pair.plain, kind, act, sought);
    expect(await writtenBy(pair.behind, kind, act, sought)).toEqual(expected);
  });
});

test('a key that the column would round names no row, and a call that is given one says so', async () => {
  await makeRows(pair.behind, 'decimal');
  const { increment, patch, pending } = callsOf(pair.behind);
  for (const call of [increment, patch, pending])
    await expect(call('1.505')).rejects.toThrow(
      'Odd_decimal: "1.505" is no primary key, since id is of type numeric(10,2). Use a value that the column can have [CONFIG_INVALID]',
    );
  expect(await pending('1.510')).toBeDefined();
});

/** The calls of the service that name a row. */
function callsOf(orm: MikroORM): Record<'increment' | 'patch' | 'pending', (key: string) => Promise<unknown>> {
  const service = Spillway.of(orm);
  const entity = entities['decimal'] as never;
  return {
    increment: async (key) => service.increment(entity, key, { count: 1 }),
    patch: async (key) => service.patch(entity, key, { text: 'patched' }),
    pending: async (key) => service.pending(entity, key),
  };
}
