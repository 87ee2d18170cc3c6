import { describe, expect, test } from 'vitest';
import { lookupKeys } from '../../../src/mikro-orm/describe/lookup.js';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';

const nameOf = (value: unknown) => ({ text: String(value), isExact: value !== 0.5 });

/** A type whose primary key has these properties, of as many columns each. */
function typeOf(key: Record<string, number>): WriteBehindType {
  const properties = Object.keys(key).map((name) => ({ name }));
  return {
    meta: { className: 'Product', primaryKeys: Object.keys(key), getPrimaryProps: () => properties },
    table: { schema: 'public', name: 'product' },
    key: {
      columns: properties.flatMap((property) =>
        Array.from({ length: key[property.name] ?? 0 }, () => ({ property, name: nameOf })),
      ),
    },
  } as unknown as WriteBehindType;
}

const type = typeOf({ id: 1 });

const keysOf = (where: unknown, options = {}): string[] | undefined =>
  lookupKeys(type, where, options)?.map((key) => JSON.parse(key)[2] as string);

describe('a look-up by key', () => {
  test.each([
    [{ id: 5 }, ['5']],
    [5, ['5']],
    [{ id: { $eq: 5 } }, ['5']],
    [{ id: { $in: [5, 6, 5] } }, ['5', '6']],
  ])('%j is one', (where, keys) => expect(keysOf(where)).toEqual(keys));

  test.each([
    [{}],
    [{ name: 'x' }],
    [{ id: 5, name: 'x' }],
    [{ $and: [{ id: 5 }, { tenant: 1 }] }],
    [{ id: { $gt: 5 } }],
    [{ id: { $in: [] } }],
    [{ id: null }],
    [{ id: 0.5 }],
    [{ id: { $in: [5], $ne: 6 } }],
  ])('%j is a query', (where) => expect(keysOf(where)).toBeUndefined());

  test.each([
    { fields: ['name'] },
    { populate: [{ field: 'lines' }] },
    { lockMode: 4 },
    { offset: 1 },
    { first: 3 },
    { having: { a: 1 } },
  ])('with %j is a query', (options) => expect(keysOf({ id: 5 }, options)).toBeUndefined());

  test.each([
    [{ hall: { $eq: ['Bern', 1] }, place: '13' }, ['Bern,1,13']],
    [{ place: 13, hall: ['Bern', 1] }, ['Bern,1,13']],
    [{ 'hall~~~place': { $in: [['Bern', 1], '12'] } }, ['Bern,1,12']],
    [
      {
        'hall~~~place': {
          $in: [
            [['Bern', 1], '12'],
            [['Rome', 2], '7'],
          ],
        },
      },
      ['Bern,1,12', 'Rome,2,7'],
    ],
    [{ 'hall~~~place': [['Bern', 1], '12'] }, ['Bern,1,12']],
  ])('%j is one, where a key has several columns', (where, keys) => {
    const found = lookupKeys(typeOf({ hall: 2, place: 1 }), where, {});
    expect(found?.map((key) => (JSON.parse(key) as string[]).slice(2).join(','))).toEqual(keys);
  });

  test.each([
    [{ hall: ['Bern', 1] }],
    [{ hall: { city: 'Bern' }, place: 1 }],
    [
      {
        hall: {
          $in: [
            ['Bern', 1],
            ['Rome', 2],
          ],
        },
        place: 1,
      },
    ],
    [{ hall: ['Bern'], place: 1 }],
    [{ 'hall~~~place': { $in: [['Bern', 1]] } }],
    [{ hall: ['Bern', 1], place: { $gt: 1 } }],
    [{ hall: ['Bern', null], place: 1 }],
    [{ hall: ['Bern', 1], place: 1, price: 2 }],
  ])('%j is a query, where a key has several columns', (where) =>
    expect(lookupKeys(typeOf({ hall: 2, place: 1 }), where, {})).toBeUndefined(),
  );

  test('by a reference as key takes its parts for one key', () => {
    const one = lookupKeys(typeOf({ hall: 2 }), { hall: { $in: ['Bern', 1] } }, {});
    expect(one).toEqual(['["public","product","Bern","1"]']);
    expect(
      lookupKeys(
        typeOf({ hall: 2 }),
        {
          hall: {
            $in: [
              ['Bern', 1],
              ['Rome', 2],
            ],
          },
        },
        {},
      ),
    ).toHaveLength(2);
  });

  test('of one key may have a limit, and empty options count for nothing', () => {
    expect(keysOf({ id: 5 }, { limit: 1, populate: [], orderBy: {}, populateFilter: undefined })).toEqual(['5']);
  });

  test('of several keys must leave order and number open', () => {
    expect(keysOf({ id: { $in: [1, 2] } }, { orderBy: { name: 'asc' } })).toBeUndefined();
    expect(keysOf({ id: { $in: [1, 2] } }, { limit: 1 })).toBeUndefined();
    expect(keysOf({ id: { $in: [1, 2] } }, { orderBy: [{}] })).toEqual(['1', '2']);
  });
});
