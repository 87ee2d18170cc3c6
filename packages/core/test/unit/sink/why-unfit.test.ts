import { expect, test } from 'vitest';
import { unfit, whyUnfit, type RelationFacts } from '../../../src/sink/postgres/catalogue/why-unfit.js';
import { product } from './item.js';

const ID = { columns: ['id'], isTemporal: false };
const TABLE: RelationFacts = { schema: 'shop', kind: 'r', hasInsteadOf: false, takesRows: true, keys: [ID] };
const pair = {
  ...product,
  key: [...product.key, { property: 'line', name: 'line', type: 'integer', read: 'direct' }],
} as const;

test.each([
  ['a table with its primary key', TABLE],
  ['a partitioned table with its primary key', { ...TABLE, kind: 'p' }],
  ['a table with a further unique constraint', { ...TABLE, keys: [{ columns: ['name'], isTemporal: false }, ID] }],
  ['a view that PostgreSQL writes through', { ...TABLE, kind: 'v', keys: [] }],
])('%s can be written', (_, facts) => expect(whyUnfit(product, facts)).toBeUndefined());

test('the order of the columns of a key is of no account', () => {
  expect(whyUnfit(pair, { ...TABLE, keys: [{ columns: ['line', 'id'], isTemporal: false }] })).toBeUndefined();
});

test.each([
  [
    'a view with triggers',
    { ...TABLE, kind: 'v', hasInsteadOf: true, takesRows: false, keys: [] },
    /`instead of` triggers/,
  ],
  [
    'a view that takes no rows',
    { ...TABLE, kind: 'v', hasInsteadOf: false, takesRows: false, keys: [] },
    /inserts no row into/,
  ],
  ['a materialized view', { ...TABLE, kind: 'm' }, /is a materialized view/],
  ['a foreign table', { ...TABLE, kind: 'f', keys: [] }, /is a foreign table/],
  ['a table without a key', { ...TABLE, keys: [] }, /no primary key and no unique constraint of exactly "id"/],
  [
    'a table whose key has a column more',
    { ...TABLE, keys: [{ columns: ['id', 'line'], isTemporal: false }] },
    /no primary key and no unique constraint of exactly "id"/,
  ],
  [
    "a temporal key with the entity's key in it",
    { ...TABLE, keys: [{ columns: ['id', 'valid_at'], isTemporal: true }] },
    /has a temporal key \(`without overlaps`\), so "id" may stand in several rows/,
  ],
  ["a temporal key that is the entity's", { ...TABLE, keys: [{ columns: ['id'], isTemporal: true }] }, /temporal key/],
] as const)('%s cannot, and says why and what to do', (_, facts, why) => expect(whyUnfit(product, facts)).toMatch(why));

test('the application is told the entity, the table, the reason and the way out', () => {
  expect(unfit(product, 'is a foreign table. Stage where the table is')).toMatchObject({
    code: 'ENTITY_UNSUPPORTED',
    message:
      'Product cannot be written behind: "shop"."product" is a foreign table. Stage where the table is; ' +
      'or let MikroORM write the entity itself, with @WriteThrough or without a decorator [ENTITY_UNSUPPORTED]',
  });
});
