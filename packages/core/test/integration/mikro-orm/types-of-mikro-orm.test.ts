import { EntitySchema, types } from '@mikro-orm/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

/** PostgreSQL has no `mediumint`, so it is refused as an unknown column type. */
type TypeName = Exclude<keyof typeof types, 'mediumint'>;

/** Name of a type of MikroORM -> two values of an entity. */
const VALUES: Readonly<Record<TypeName, readonly [unknown, unknown]>> = {
  date: ['2026-02-28', '1999-12-31'],
  time: ['23:59:59', '00:00:00'],
  datetime: [new Date('2026-01-02T03:04:05Z'), new Date(0)],
  bigint: [9223372036854775807n, -1n],
  blob: [Buffer.from([0, 255]), Buffer.alloc(0)],
  uint8array: [Uint8Array.from([0, 255]), Uint8Array.from([7])],
  array: [['a', 'b "c"'], []],
  enumArray: [['x'], ['y', 'x']],
  enum: ['x', 'y'],
  json: [{ a: [1, null] }, 'text'],
  integer: [2147483647, -1],
  smallint: [32767, -1],
  tinyint: [127, -1],
  float: [1.5, -2.25],
  double: [0.1, -1e300],
  boolean: [true, false],
  decimal: ['12345678.91', '-0.01'],
  character: ['a', 'z'],
  string: ["it's", ''],
  uuid: ['f47ac10b-58cc-4372-a567-0e02b2c3d479', '00000000-0000-0000-0000-000000000000'],
  text: ['🌊', '\n'],
  interval: ['1 day', '02:03:04'],
  unknown: ['anything', 'else'],
};
const OPTIONS: Readonly<Record<string, object>> = {
  enum: { enum: true, items: ['x', 'y'] },
  enumArray: { enum: true, array: true, items: ['x', 'y'] },
  decimal: { precision: 10, scale: 2 },
  unknown: { columnType: 'varchar(255)' },
};
const names = Object.keys(types).filter((name): name is TypeName => name !== 'mediumint');

class Row {
  id!: number;
}
const RowSchema = new EntitySchema<Row>({
  class: Row,
  properties: {
    id: { type: 'integer', primary: true },
    ...Object.fromEntries(names.map((name) => [`a_${name}`, { type: types[name], nullable: true, ...OPTIONS[name] }])),
  },
});
WriteBehind()(Row);

let both: Twins;

beforeAll(async () => {
  both = await twins([RowSchema]);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

test.each(names)('a property of the type "%s" is staged, read and written as by plain MikroORM', async (name) => {
  const id = names.indexOf(name) + 1;
  const [made, changed] = VALUES[name];
  const read = async (): Promise<void> => both.same((em) => em.findOneOrFail(Row, id));
  for (const value of [made, changed, null]) {
    await both.same(async (em) => {
      const row = (await em.findOne(Row, id)) ?? em.create(Row, { id });
      Object.assign(row, { [`a_${name}`]: value });
      await em.flush();
    });
    expect((await Spillway.of(both.behind).status()).pending).toEqual({ Row: 1 });
    await read();
    expect(await both.differences()).toEqual([]);
    await read();
  }
});
