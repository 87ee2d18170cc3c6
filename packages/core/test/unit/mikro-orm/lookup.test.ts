import { describe, expect, test } from 'vitest';
import { lookupKeys } from '../../../src/mikro-orm/lookup.js';
import type { WriteBehindType } from '../../../src/mikro-orm/write-behind-type.js';

const type = {
  table: { schema: 'public', name: 'product' },
  key: { property: { name: 'id' }, text: String },
} as unknown as WriteBehindType;

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

  test('of one key may have a limit, and empty options count for nothing', () => {
    expect(keysOf({ id: 5 }, { limit: 1, populate: [], orderBy: {}, populateFilter: undefined })).toEqual(['5']);
  });

  test('of several keys must leave order and number open', () => {
    expect(keysOf({ id: { $in: [1, 2] } }, { orderBy: { name: 'asc' } })).toBeUndefined();
    expect(keysOf({ id: { $in: [1, 2] } }, { limit: 1 })).toBeUndefined();
    expect(keysOf({ id: { $in: [1, 2] } }, { orderBy: [{}] })).toEqual(['1', '2']);
  });
});
