import { afterAll, beforeEach, expect, test } from 'vitest';
import { key, SinkFixture, table } from './fixture.js';

const products = table(
  'product',
  { name: 'varchar(40)', price: 'numeric(10,2)', views: 'integer' },
  { counters: { views: 0, price: 2 } },
);

const fixture = await SinkFixture.create(
  `create table product (id int primary key, name varchar(40) default 'unnamed', price numeric(10,2), views int not null default 10, version int not null default 1)`,
  [products],
);
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  await fixture.sql.query('truncate product');
});

const product = (id: number) => key('product', String(id));
const all = () => fixture.rows('select * from product order by id');

test('an insert, an update, an increment and a delete of one batch are all applied', async () => {
  await fixture.sql.query(
    `insert into product (id, name, price, views) values (2, 'two', 2, 0), (3, 'three', 3, 0), (4, 'four', 4, 0)`,
  );
  const outcomes = await fixture.write(
    [product(1), { kind: 'insert', version: '1', values: { name: '"one"', price: '1.5', views: '7' } }],
    [product(2), { kind: 'update', base: '1', version: '2', values: { name: '"zwei"' } }],
    [product(3), { kind: 'increment', deltas: { views: '5', price: '-125' } }],
    [product(4), { kind: 'delete', base: '1' }],
  );
  expect(outcomes.size).toBe(0);
  expect(await all()).toEqual([
    { id: 1, name: 'one', price: '1.50', views: 7, version: 1 },
    { id: 2, name: 'zwei', price: '2.00', views: 0, version: 2 },
    { id: 3, name: 'three', price: '1.75', views: 5, version: 1 },
  ]);
});

test('the ledger knows a batch that was committed, and its shard has the token as its last', async () => {
  const batch = fixture.batch([[product(1), { kind: 'insert', version: '1' }]], 2);
  await fixture.flush([batch]);
  expect(new Set((await fixture.sink.outcomes([batch.token, 'another'])).keys())).toEqual(new Set([batch.token]));
  await using transaction = await fixture.sink.begin([2]);
  expect(transaction.locked).toEqual(new Map([[2, batch.token]]));
  expect(await transaction.outcomeOf(batch.token)).toEqual(new Map());
  expect(await transaction.outcomeOf('another')).toBeUndefined();
});

test('a transaction that is not committed leaves nothing behind', async () => {
  const batch = fixture.batch([[product(1), { kind: 'insert', version: '1' }]], 3);
  {
    await using transaction = await fixture.sink.begin([3]);
    await transaction.write([batch], () => Promise.resolve(new Set()));
  }
  expect(await all()).toEqual([]);
  expect(new Set((await fixture.sink.outcomes([batch.token])).keys())).toEqual(new Set());
});

test('batches of several shards are one transaction', async () => {
  const batches = [0, 1, 2].map((shard) => fixture.batch([[product(shard), { kind: 'insert', version: '1' }]], shard));
  await fixture.flush(batches);
  expect(new Set((await fixture.sink.outcomes(batches.map(({ token }) => token))).keys())).toHaveLength(3);
  const [{ transactions }] = (await fixture.rows('select count(distinct xmin::text) as transactions from product')) as [
    { transactions: string },
  ];
  expect(transactions).toBe('1');
});

test('an insert takes the default of a column that it does not name, and adds differences onto it', async () => {
  await fixture.write(
    [product(1), { kind: 'insert', version: '1' }],
    [product(2), { kind: 'insert', version: '1', deltas: { views: '5' } }],
    [product(3), { kind: 'insert', version: '1', values: { views: '1' }, deltas: { views: '5' } }],
  );
  expect(await fixture.rows('select id, name, views from product order by id')).toEqual([
    { id: 1, name: 'unnamed', views: 10 },
    { id: 2, name: 'unnamed', views: 15 },
    { id: 3, name: 'unnamed', views: 6 },
  ]);
});

test('an update with a value and a difference of one counter assigns first', async () => {
  await fixture.sql.query('insert into product (id, views) values (1, 100)');
  await fixture.one(product(1), {
    kind: 'update',
    base: '1',
    version: '2',
    values: { views: '1' },
    deltas: { views: '2' },
  });
  expect(await fixture.rows('select views, version from product')).toEqual([{ views: 3, version: 2 }]);
});

test('counting begins at zero where there was null', async () => {
  await fixture.sql.query('insert into product (id) values (1), (2)');
  await fixture.write(
    [product(1), { kind: 'increment', deltas: { price: '250' } }],
    [product(2), { kind: 'increment', deltas: { views: '1' } }],
  );
  expect(await fixture.rows('select price, views from product order by id')).toEqual([
    { price: '2.50', views: 10 },
    { price: null, views: 11 },
  ]);
});

test('an upsert makes a row, or writes its properties onto the row and raises its version', async () => {
  await fixture.sql.query(`insert into product (id, name, price, version) values (2, 'two', 2, 7)`);
  const outcomes = await fixture.write(
    [product(1), { kind: 'upsert', version: '1', values: { name: '"one"' } }],
    [product(2), { kind: 'upsert', version: '1', values: { name: '"zwei"' }, deltas: { views: '1' } }],
  );
  expect(await fixture.rows('select id, name, price, views, version from product order by id')).toEqual([
    { id: 1, name: 'one', price: null, views: 10, version: 1 },
    { id: 2, name: 'zwei', price: '2.00', views: 11, version: 8 },
  ]);
  expect(outcomes).toEqual(new Map([[product(2), { kind: 'version', version: '8' }]]));
});

test('a replacement gives every column that it does not name its default, and its version goes on', async () => {
  await fixture.sql.query(`insert into product (id, name, price, views, version) values (1, 'one', 1, 55, 5)`);
  const outcome = await fixture.one(product(1), {
    kind: 'replace',
    base: '5',
    version: '6',
    values: { price: '9' },
    deltas: { views: '1' },
  });
  expect(outcome).toEqual({ kind: 'applied' });
  expect(await all()).toEqual([{ id: 1, name: 'unnamed', price: '9.00', views: 11, version: 6 }]);
});

test('a replacement whose row is gone is inserted', async () => {
  expect(await fixture.one(product(1), { kind: 'replace', base: '5', version: '6', values: { price: '9' } })).toEqual({
    kind: 'applied',
  });
  expect(await all()).toEqual([{ id: 1, name: 'unnamed', price: '9.00', views: 10, version: 6 }]);
});

test('a delete that finds no row is applied', async () => {
  expect(await fixture.one(product(1), { kind: 'delete', base: '1' })).toEqual({ kind: 'applied' });
});

test('an update or increment that finds no row is buried, and a newer change of the row is to see it', async () => {
  const outcomes = await fixture.write(
    [product(1), { kind: 'update', base: '1', version: '2', values: { price: '1' } }],
    [product(2), { kind: 'increment', deltas: { views: '1' } }],
  );
  expect([...outcomes.values()]).toMatchObject([
    { kind: 'buried', code: 'ROW_MISSING', rejected: false },
    { kind: 'buried', code: 'ROW_MISSING', rejected: false },
  ]);
});

test('a version that a trigger raised further is told', async () => {
  await fixture.sql.query(`insert into product (id) values (1);
    create function raise_version() returns trigger language plpgsql as $$ begin new.version := new.version + 10; return new; end $$;
    create trigger raise_version before update on product for each row execute function raise_version()`);
  const outcome = await fixture.one(product(1), { kind: 'update', base: '1', version: '2', values: { price: '1' } });
  await fixture.sql.query('drop function raise_version cascade');
  expect(outcome).toEqual({ kind: 'version', version: '12' });
});
