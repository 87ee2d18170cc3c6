import { describe, expect, test } from 'vitest';
import { compare, type NamedRow } from '../src/comparison/compare.js';
import type { Change, History, WrittenRow } from '../src/journal/change.js';

const kettle = { table: 'products', row: 'kettle' } as const;

describe('the comparison', () => {
  test('finds nothing where everything is as acknowledged', () => {
    const verdict = compare(history(insert('9.50'), update(2, '8.00'), view, view), [stored({ version: 2, views: 2 })]);
    expect(verdict).toEqual({ acknowledged: 4, inPostgres: 4, lost: 0, twice: 0, inDoubt: 0, findings: [] });
  });

  test('finds a lost insert, with everything that was done to its row', () => {
    expect(counts(history(insert('9.50'), update(2, '8.00'), view), [])).toEqual({ lost: 3, twice: 0 });
  });

  test('finds lost updates at the end', () => {
    const done = history(insert('9.50'), update(2, '8.50'), update(3, '8.00'));
    expect(counts(done, [stored({ version: 1, price: '9.50' })])).toEqual({ lost: 2, twice: 0 });
  });

  test('finds a lost update that a later one hides from the version', () => {
    const restock: WrittenRow = { ...kettle, kind: 'update', version: 3, values: { stock: '7' } };
    const done = history(insert('9.50'), update(2, '8.00'), restock);
    expect(counts(done, [stored({ version: 3, price: '9.50', stock: '7' })])).toEqual({ lost: 1, twice: 0 });
  });

  test('finds a lost view', () => {
    expect(counts(history(insert('9.50'), view, view), [stored({ price: '9.50', views: 1 })])).toEqual({
      lost: 1,
      twice: 0,
    });
  });

  test('finds a lost delete', () => {
    expect(counts(history(insert('8.00'), remove), [stored({})])).toEqual({ lost: 1, twice: 0 });
  });

  test('finds an insert that was written twice, under two keys', () => {
    const done = history(insert('8.00'));
    expect(counts(done, [stored({}), stored({ id: '2' })])).toEqual({ lost: 0, twice: 1 });
  });

  test('finds a view that was counted twice', () => {
    expect(counts(history(insert('8.00'), view), [stored({ views: 2 })])).toEqual({ lost: 0, twice: 1 });
  });

  test('finds an update that was written twice, by the version that nobody made', () => {
    const done = history(insert('9.50'), update(2, '8.00'));
    expect(counts(done, [stored({ version: 3 })])).toEqual({ lost: 0, twice: 1 });
  });

  test('finds a row that nobody wrote', () => {
    expect(counts(history(), [stored({})])).toEqual({ lost: 0, twice: 1 });
  });

  test('finds a reordered write: the version is the newest, the value is not', () => {
    const done = history(insert('9.50'), update(2, '8.50'), update(3, '8.00'));
    expect(counts(done, [stored({ version: 3, price: '8.50' })])).toEqual({ lost: 1, twice: 0 });
  });

  test('counts a change once, however many of its columns are wrong', () => {
    expect(counts(history(insert('9.50')), [stored({ price: '1.00', stock: '1' })])).toEqual({ lost: 1, twice: 0 });
  });

  test('finds that two writers were given the same version', () => {
    const done = history(insert('9.50'), update(2, '8.50'), update(2, '8.00'));
    expect(counts(done, [stored({ version: 2 })])).toEqual({ lost: 1, twice: 0 });
  });

  test('names the row and what is wrong with it', () => {
    const { findings } = compare(history(insert('9.50')), [stored({ price: '1.00' })]);
    expect(findings).toEqual([
      { effect: 'lost', changes: 1, what: 'products kettle has price = 1.00 instead of 9.50' },
    ]);
  });
});

describe('what is in doubt', () => {
  test.each([
    ['an insert', [], [insert('8.00')], [[], [stored({})]]],
    ['an update', [insert('9.50')], [update(2, '8.00')], [[stored({ price: '9.50' })], [stored({ version: 2 })]]],
    ['a view', [insert('8.00')], [view], [[stored({})], [stored({ views: 1 })]]],
    ['a delete', [insert('8.00')], [remove], [[stored({})], []]],
  ])('%s may be in PostgreSQL or not', (_, acknowledged, inDoubt, possible) => {
    for (const rows of possible) expect(counts({ acknowledged, inDoubt }, rows)).toEqual({ lost: 0, twice: 0 });
  });

  test('is in PostgreSQL if others went on from it', () => {
    const done = { acknowledged: [insert('9.50'), update(3, '8.00')], inDoubt: [update(2, '9.00')] };
    expect(counts(done, [stored({ version: 3 })])).toEqual({ lost: 0, twice: 0 });
  });

  test('is one of several that wanted the same version', () => {
    const done = { acknowledged: [insert('9.50')], inDoubt: [update(2, '9.00'), update(2, '8.00')] };
    expect(counts(done, [stored({ version: 2 })])).toEqual({ lost: 0, twice: 0 });
    expect(counts(done, [stored({ version: 2, price: '9.50' })])).toEqual({ lost: 1, twice: 0 });
  });

  test('excuses nothing else', () => {
    const done = { acknowledged: [insert('8.00'), view, view], inDoubt: [view] };
    expect(counts(done, [stored({ views: 1 })])).toEqual({ lost: 1, twice: 0 });
    expect(counts(done, [stored({ views: 4 })])).toEqual({ lost: 0, twice: 1 });
  });
});

function history(...acknowledged: Change[]): History {
  return { acknowledged, inDoubt: [] };
}

function insert(price: string): WrittenRow {
  return { ...kettle, kind: 'insert', version: 1, values: { id: '1', price, stock: '5' } };
}

function update(version: number, price: string): WrittenRow {
  return { ...kettle, kind: 'update', version, values: { price } };
}

const view: Change = { ...kettle, kind: 'count' };
const remove: Change = { ...kettle, kind: 'delete' };

function stored({ version = 1, views = 0, id = '1', price = '8.00', stock = '5' }): NamedRow {
  return { ...kettle, version, views, values: { id, price, stock } };
}

function counts(done: History, rows: readonly NamedRow[]): { lost: number; twice: number } {
  const { lost, twice } = compare(done, rows);
  return { lost, twice };
}
