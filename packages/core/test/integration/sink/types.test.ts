import { afterAll, expect, test } from 'vitest';
import type { Column, Table } from '../../../src/sink/table.js';
import { key, NOBODY, SinkFixture, table } from './fixture.js';

/** Type -> JSON texts as staged, each with the literal that makes the same value by plain SQL. */
const VALUES: Readonly<Record<string, readonly (readonly [json: string, literal: string])[]>> = {
  smallint: [['-32768', `'-32768'`]],
  integer: [['"42"', '42']],
  bigint: [
    ['9007199254740993', '9007199254740993'],
    ['"-9223372036854775808"', `'-9223372036854775808'`],
  ],
  real: [
    ['0.1', '0.1'],
    ['"NaN"', `'NaN'`],
  ],
  'double precision': [
    ['0.30000000000000004', '0.30000000000000004'],
    ['"-Infinity"', `'-Infinity'`],
    ['1e300', '1e300'],
  ],
  numeric: [
    ['"12345678901234567890.123456789"', '12345678901234567890.123456789'],
    ['"NaN"', `'NaN'`],
  ],
  'numeric(10,2)': [['1.005', '1.005']],
  boolean: [
    ['true', 'true'],
    ['false', 'false'],
  ],
  text: [
    ['"it\'s \\"so\\" \\\\ \\u00e4\\n"', `E'it''s "so" \\\\ ä\\n'`],
    ['""', `''`],
    ['"null"', `'null'`],
  ],
  'varchar(10)': [['"0123456789"', `'0123456789'`]],
  'char(5)': [['"ab"', `'ab'`]],
  uuid: [['"0191E3A0-0000-7000-8000-000000000001"', `'0191e3a0-0000-7000-8000-000000000001'`]],
  date: [
    ['"2024-02-29"', `'2024-02-29'`],
    ['"infinity"', `'infinity'`],
  ],
  time: [['"23:59:59.123456"', `'23:59:59.123456'`]],
  timestamp: [['"2024-02-29 12:00:00.123456"', `'2024-02-29 12:00:00.123456'`]],
  timestamptz: [['"2024-02-29T12:00:00.123Z"', `'2024-02-29 12:00:00.123+00'`]],
  json: [
    ['"{\\"b\\":1, \\"a\\": [null]}"', `'{"b":1, "a": [null]}'`],
    ['"null"', `'null'`],
  ],
  jsonb: [
    ['"{\\"b\\":1.50}"', `'{"b":1.50}'`],
    ['"\\"text\\""', `'"text"'`],
    ['"null"', `'null'`],
    ['{"raw": [1]}', `'{"raw": [1]}'`],
  ],
  bytea: [['"\\\\x00ff7f"', `'\\x00ff7f'`]],
  'text[]': [
    ['["a","b,c",null]', `array['a', 'b,c', null]`],
    ['"{a,\\"b,c\\",NULL}"', `array['a', 'b,c', null]`],
    ['[]', `'{}'`],
  ],
  'integer[]': [
    ['[[1,2],[3,4]]', `'{{1,2},{3,4}}'`],
    ['"{5}"', `'{5}'`],
  ],
  mood: [['"happy"', `'happy'`]],
};

const cases = Object.entries(VALUES).flatMap(([type, values]) =>
  [...values, ['null', 'null'] as const].map(([json, literal]) => ({ type, json, literal })),
);

const types = Object.keys(VALUES);
const columnOf = (type: string): Column => ({
  property: type,
  name: `c ${types.indexOf(type)}`,
  type,
  read: type === 'json' || type === 'jsonb' ? 'cast' : 'direct',
});
const every: Table = {
  ...table('every', {}),
  columns: Object.fromEntries(types.map((type) => [type, columnOf(type)])),
  conflict: { kind: 'function', decide: ({ theirs }) => ({ write: theirs }) },
};

const fixture = await SinkFixture.create(
  `create type mood as enum ('happy', 'sad');
   create table every (id int primary key, version int, ${types.map((type) => `"${columnOf(type).name}" ${type}`).join(', ')})`,
  [every],
);
afterAll(() => fixture[Symbol.asyncDispose]());

const all = async () => fixture.rows('select * , every::text as shown from every order by id');

test.each(cases)('$type $json: insert, update, and back from a conflict', async ({ type, json, literal }) => {
  const name = `"${columnOf(type).name}"`;
  await fixture.sql.query(
    `truncate every; insert into every (id, version, ${name}) values (1, 1, ${literal}::${type}), (3, 1, null)`,
  );
  const write = { version: '1', values: { [type]: json } };
  const outcomes = await fixture.flush(
    [
      fixture.batch([
        [key('every', '2'), { kind: 'insert', ...write }],
        [key('every', '3'), { kind: 'update', base: '1', ...write }],
      ]),
    ],
    NOBODY,
  );
  expect(outcomes).toEqual(new Map());
  const shown = await fixture.rows(`select ${name}::text as shown from every order by id`);
  expect(shown[1]).toEqual(shown[0]);
  expect(shown[2]).toEqual(shown[0]);

  // Whatever the conflict function is shown can be written back as it is.
  const before = await all();
  await fixture.one(key('every', '1'), { kind: 'update', base: '9', version: '10', values: {} });
  const after = await all();
  expect(after[0]).toEqual({
    ...before[0],
    version: 11,
    shown: String(before[0]?.['shown']).replace('(1,1,', '(1,11,'),
  });
});

test.each(cases)(
  '$type $json: what was loaded is compared with the type of the column',
  async ({ type, json, literal }) => {
    const name = `"${columnOf(type).name}"`;
    await fixture.sql.query(
      `truncate every; insert into every (id, version, ${name}) values (1, 1, ${literal}::${type})`,
    );
    const sink = fixture.open([{ ...every, detect: 'changed-properties', conflict: { kind: 'dead-letter' } }]);
    const batch = fixture.batch([
      [key('every', '1'), { kind: 'update', version: '2', values: { [type]: 'null' }, originals: { [type]: json } }],
    ]);
    {
      await using transaction = await sink.begin([0]);
      expect((await transaction.write([batch], NOBODY)).get(batch.token)).toEqual(new Map());
    }
    await sink.close();
  },
);
