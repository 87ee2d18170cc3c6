import { expect, test } from 'vitest';
import { Blame } from '../../../src/sink/postgres/apply/blame.js';
import type { Fault } from '../../../src/sink/postgres/fault.js';
import type { Item } from '../../../src/sink/postgres/plan/item.js';
import { item } from './item.js';

const check: Fault = { kind: 'row', sqlstate: '23514', reason: 'check' };
const missing: Fault = { kind: 'row', sqlstate: '23503', reason: 'parent' };
const items: readonly Item[] = Array.from({ length: 300 }, (_, id) => item(String(id), { attempts: 4 }));

function blamed(records: number, faults: readonly Fault[]): Blame {
  const blame = new Blame(records);
  for (const [position, fault] of faults.entries()) blame.row(items[position] as Item, fault);
  return blame;
}

test('twenty alike are buried one by one, the twenty-first makes it the fault of the table', () => {
  const few = blamed(
    100,
    Array.from({ length: 20 }, () => check),
  ).settle(new Map(), () => 7);
  expect([...few.outcomes.values()].every(({ kind }) => kind === 'buried')).toBe(true);
  expect(few.tableFaults).toEqual([]);

  const many = blamed(
    100,
    Array.from({ length: 21 }, () => check),
  ).settle(new Map(), () => 7);
  expect([...many.outcomes.values()].every(({ kind }) => kind === 'again')).toBe(true);
  expect(many.tableFaults).toMatchObject([{ code: '23514', records: 21 }]);
});

test('in a large batch it takes more than a tenth', () => {
  expect(
    blamed(
      1_000,
      Array.from({ length: 100 }, () => check),
    ).settle(new Map(), () => 7).tableFaults,
  ).toEqual([]);
  expect(
    blamed(
      1_000,
      Array.from({ length: 101 }, () => check),
    ).settle(new Map(), () => 7).tableFaults,
  ).toHaveLength(1);
});

test('faults of two kinds are counted apart', () => {
  const mixed = Array.from({ length: 40 }, (_, position) => (position % 2 === 0 ? check : missing));
  expect(blamed(100, mixed).settle(new Map(), () => 7).tableFaults).toEqual([]);
});

test('who waits for a parent is neither counted nor blamed, and twenty of them are enough to know', () => {
  const blame = new Blame(100);
  blame.excuse(items);
  for (const each of items.slice(0, 20)) blame.row(each, missing);
  expect(blame.isEnough(items[50] as Item, missing)).toBe(false);
  blame.row(items[20] as Item, missing);
  expect(blame.isEnough(items[50] as Item, missing)).toBe(true);
  const { outcomes, tableFaults } = blame.settle(new Map(), () => 7);
  expect([...outcomes.values()].every((outcome) => outcome.kind === 'again' && outcome.attempts === 4)).toBe(true);
  expect(tableFaults).toEqual([]);
});

test('once there are many alike, a part that is refused alike is left for another flush; other faults are searched on', () => {
  const blame = blamed(
    100,
    Array.from({ length: 21 }, () => check),
  );
  expect(blame.isEnough(items[50] as Item, check)).toBe(true);
  expect(blame.isEnough(items[50] as Item, missing)).toBe(false);
  blame.row(items[51] as Item, check);
  expect(blame.settle(new Map(), () => 7).tableFaults).toMatchObject([{ code: '23514', records: 22 }]);
});
