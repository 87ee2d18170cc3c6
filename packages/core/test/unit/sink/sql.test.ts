import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backOffMs } from '../../../src/sink/postgres/back-off.js';
import type { Item } from '../../../src/sink/postgres/plan/item.js';
import { unitsToDecimal } from '../../../src/sink/postgres/sql/decimal.js';
import { Mask } from '../../../src/sink/postgres/sql/mask.js';
import { quoted } from '../../../src/sink/postgres/sql/quote.js';
import { updateRows } from '../../../src/sink/postgres/sql/update-rows.js';
import { versionFormat } from '../../../src/sink/postgres/sql/version-format.js';
import { item, product } from './item.js';
import { localWallTime, utcWallTime } from '../../../src/sink/postgres/sql/wall-time.js';

test('an update of many rows is one statement with one parameter', () => {
  const items = [
    item('1', { base: '4', version: '5', values: { name: '"a"', doc: '"{}"' } }),
    item('2', { version: '5', values: { name: 'null' }, deltas: { stock: '-125' } }),
  ];
  const { text, json } = updateRows(product, items, versionFormat(product, utcWallTime));
  expect(text).toMatchInlineSnapshot(`
    "update "shop"."product" as t
    set "doc" = case when (s.m0 & 1) <> 0 then s.c0::jsonb else t."doc" end,
        "full_name" = s.c1,
        "stock" = case when s.d2 is null then t."stock" else coalesce(t."stock", 0) + s.d2 end,
        "version" = coalesce(s.v, t."version")
    from json_to_recordset($1::json) as s(i int, k0 integer, m0 int, b integer, v integer, c0 text, c1 text, d2 numeric)
    where t."id" = s.k0 and (s.b is null or t."version" = s.b)
    returning s.i, t."version"::text as v"
  `);
  expect(JSON.parse(json)).toEqual([
    { i: 0, k0: '1', m0: 1, b: 4, v: 5, c0: '{}', c1: 'a' },
    { i: 1, k0: '2', m0: 0, v: 5, c1: null, d2: -1.25 },
  ]);
});

test('a mask has thirty bits to a word, and none for what every row has', () => {
  const items = Array.from({ length: 65 }, (_, id) => item(String(id), {}));
  const mask = new Mask(items);
  expect(mask.condition(() => true)).toBeUndefined();
  const conditions = items.map((each) => mask.condition((other) => other === each));
  expect([conditions[0], conditions[29], conditions[30], conditions[64]]).toEqual([
    '(s.m0 & 1) <> 0',
    '(s.m0 & 536870912) <> 0',
    '(s.m1 & 1) <> 0',
    '(s.m2 & 16) <> 0',
  ]);
  const words = mask.fields().map((field) => field.text(items[31] as Item));
  expect(words).toEqual(['0', '2', '0']);
});

test('identifiers are quoted, whatever is in them', () => {
  expect(quoted('plain')).toBe('"plain"');
  expect(quoted('a"; drop table b; --')).toBe('"a""; drop table b; --"');
});

test('units become exact decimals', () => {
  expect(
    [
      ['125', 2],
      ['-5', 2],
      ['0', 2],
      ['-9223372036854775808', 4],
      ['7', 0],
    ].map(([units, scale]) => unitsToDecimal(String(units), Number(scale))),
  ).toEqual(['1.25', '-0.05', '0.00', '-922337203685477.5808', '7']);
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.nat(20), (units, scale) => {
      expect(BigInt(unitsToDecimal(String(units), scale).replace('.', ''))).toBe(units);
    }),
  );
});

test('the back-off doubles up to its limit', () => {
  expect([1, 2, 3, 4, 5, 99].map((attempts) => backOffMs(product.retry, attempts))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
});

test.each([
  ['local', localWallTime],
  ['utc', utcWallTime],
] as const)('a %s wall time is read as it is written', (_, wallTime) => {
  for (const ms of [0, 1, 999, 1_709_208_000_001, 4_102_444_799_999]) {
    expect(wallTime.format(ms)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
    expect(wallTime.parse(wallTime.format(ms))).toBe(ms);
  }
  expect(() => wallTime.parse('infinity')).toThrow(RangeError);
});
