import { defineEntity, p, type EntityProperty } from '@mikro-orm/postgresql';
import { expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

const properties = {
  id: p.integer().primary(),
  small: p.smallint().nullable(),
  int: p.integer().nullable(),
  big: p.bigint().nullable(),
  real: p.float().nullable(),
  double: p.double().nullable(),
  decimal: p.decimal().precision(20).scale(4).nullable(),
  flag: p.boolean().nullable(),
  text: p.text().nullable(),
  short: p.string().length(20).nullable(),
  uuid: p.uuid().nullable(),
  day: p.date().nullable(),
  time: p.time().nullable(),
  at: p.datetime().length(3).nullable(),
  seconds: p.datetime().length(0).nullable(),
  wall: p.datetime().columnType('timestamp(3)').nullable(),
  json: p.json().nullable(),
  bytes: p.blob().nullable(),
  tags: p.array().nullable(),
  choice: p.enum(['red', 'green']).nullable(),
  native: p.enum(['north', 'south']).nativeEnumName('direction').nullable(),
};
const Behind = defineEntity({ name: 'Behind', properties });
const Twin = defineEntity({ name: 'Twin', properties });
WriteBehind({ conflict: 'overwrite' })(Behind.class);

const ROWS: Record<string, unknown[]> = {
  small: [-32768, 0, null],
  int: [2147483647, -1, null],
  big: [9223372036854775807n, -1n, null],
  real: [1.5, 0, -2.25],
  double: [0.1, null, -1e300],
  decimal: ['1234567890123456.7891', '-0.0001', null],
  flag: [true, false, null],
  text: ['a "quote" \\ \n 🌊', '', null],
  short: ["it's", 'null', null],
  uuid: ['F47AC10B-58CC-4372-A567-0E02B2C3D479', '00000000-0000-0000-0000-000000000000', null],
  day: ['2026-02-28', '1999-12-31', null],
  time: ['23:59:59', '00:00:00', null],
  at: [new Date('2026-01-02T03:04:05.678Z'), new Date(0), null],
  seconds: [new Date('2026-01-02T03:04:05.678Z'), new Date('1969-12-31T23:59:59.500Z'), null],
  wall: [new Date('2026-07-02T03:04:05.678Z'), new Date(1), null],
  json: [{ a: [1, null, { b: 'x' }] }, 'text', [1, 2]],
  bytes: [Buffer.from([0, 1, 255]), Buffer.alloc(0), null],
  tags: [['a', 'b "c"', 'd,e', ''], [], null],
  choice: ['red', 'green', null],
  native: ['north', 'south', null],
};

const own = stagingOrm([Behind, Twin]);

function rowOf(index: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(ROWS).map(([name, values]) => [name, values[index]]));
}

async function read(entity: typeof Behind | typeof Twin, id: number): Promise<Record<string, unknown>> {
  const em = own.orm.em.fork();
  const found = await em.findOneOrFail(entity, id);
  em.getUnitOfWork().computeChangeSets();
  const changes = em.getUnitOfWork().getChangeSets();
  expect(
    changes.map(({ payload }) => payload),
    'what was read is clean',
  ).toEqual([]);
  const names = (own.orm.getMetadata().get(entity).props as EntityProperty[]).map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, Reflect.get(found, name)]));
}

test.each([0, 1, 2])(
  'row %d reads the same while it is staged, when it is written, and as its plain twin',
  async (index) => {
    const id = index + 1;
    const em = own.orm.em.fork();
    em.create(Twin, { id, ...rowOf(index) } as never);
    await em.flush();
    const behind = own.orm.em.fork();
    behind.create(Behind, { id, ...rowOf(index) } as never);
    await behind.flush();
    const twin = await read(Twin, id);
    expect(await read(Behind, id)).toEqual(twin);
    await Spillway.of(own.orm).drain();
    expect(await Spillway.of(own.orm).deadLetters.list()).toEqual([]);
    expect(await read(Behind, id)).toEqual(twin);
  },
);

test.each([
  [0, 1],
  [1, 2],
  [2, 0],
])('an update from row %d to row %d does too', async (from, to) => {
  const id = 100 + from;
  for (const entity of [Twin, Behind]) {
    const em = own.orm.em.fork();
    const created = em.create(entity, { id, ...rowOf(from) } as never);
    await em.flush();
    await Spillway.of(own.orm).drain();
    em.assign(created, rowOf(to) as never);
    await em.flush();
  }
  const twin = await read(Twin, id);
  expect(await read(Behind, id)).toEqual(twin);
  await Spillway.of(own.orm).drain();
  expect(await Spillway.of(own.orm).deadLetters.list()).toEqual([]);
  expect(await read(Behind, id)).toEqual(twin);
});
