import { expect, test } from 'vitest';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { earlyItems, parentsOf, withChildren } from '../../../src/sink/postgres/apply/parents.js';
import type { Item } from '../../../src/sink/postgres/plan/item.js';
import { item, product } from './item.js';

const target = { schema: 'shop', table: 'maker' };

function child(values: Record<string, string>): Item {
  return { ...item('1', { values }), table: { ...product, references: [{ parts: [{ value: 'maker' }], target }] } };
}

test.each([
  ['7', '7'],
  ['9007199254740993', '9007199254740993'],
  ['"0191e3a0-0000-7000-8000-000000000001"', '0191e3a0-0000-7000-8000-000000000001'],
  ['"a \\"b\\""', 'a "b"'],
])('the value %s points at the row with the key %s', (json, key) => {
  expect(parentsOf(child({ maker: json }))).toEqual([rowKeyOf({ ...target, key: [key] })]);
});

test('null points at nothing, and so does a property that is not there', () => {
  expect(parentsOf(child({ maker: 'null' }))).toEqual([]);
  expect(parentsOf(child({ name: '"x"' }))).toEqual([]);
});

test('a reference of several columns, some of them in the own key, points at a row only when the own row is made or all of it is named', () => {
  const wide = { ...product, references: [{ parts: [{ key: 0 }, { value: 'maker' }], target }] };
  const own = { ...product, references: [{ parts: [{ key: 0 }], target }] };
  const made = item('1', { kind: 'insert', values: { maker: '7' } });
  const updated = item('1', { kind: 'update', values: { name: '"x"' } });
  expect(parentsOf({ ...made, table: wide })).toEqual([rowKeyOf({ ...target, key: ['1', '7'] })]);
  expect(parentsOf({ ...updated, table: wide })).toEqual([]);
  expect(parentsOf({ ...made, table: own })).toEqual([rowKeyOf({ ...target, key: ['1'] })]);
  expect(parentsOf({ ...updated, table: own })).toEqual([]);
});

test('a row comes too early with its parent pending elsewhere and absent, and so does whatever refers to it', async () => {
  const of = { schema: product.schema, table: product.name };
  const table = { ...product, references: [{ parts: [{ value: 'parent' }], target: of }] };
  const row = (id: string, parent: string): Item => ({
    ...item(id, { kind: 'insert', values: { parent } }),
    rowKey: rowKeyOf({ ...of, key: [id] }),
    table,
  });
  const [early, itsChild, grandchild, timely] = [row('1', '100'), row('2', '1'), row('3', '2'), row('4', '200')];
  const items = [grandchild, timely, itsChild, early];
  const asked: string[] = [];
  const found = await earlyItems(
    items,
    new Set(items.map(({ rowKey }) => rowKey)),
    {
      session: {} as never,
      names: {} as never,
      mayRestart: true,
      // No table that this process knows, so what is pending counts as absent.
      tables: { get: () => undefined } as never,
      parentsPending: (keys) => {
        asked.push(...keys);
        return Promise.resolve(new Set(keys.slice(1)));
      },
    },
    'here',
  );
  expect(asked).toEqual(['200', '100'].map((key) => rowKeyOf({ ...of, key: [key] })));
  expect([...found]).toEqual([early]);
  expect(withChildren(found, items)).toEqual(new Set([early, itsChild, grandchild]));
});
