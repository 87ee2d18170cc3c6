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

const many = (count: number): Fault[] => Array.from({ length: count }, () => check);
const pauseMs = (_: unknown, isOfRows: boolean): number => (isOfRows ? 1_000 : 7);
const again = { kind: 'again', attempts: 1 };
const fresh: readonly Item[] = items.map(({ record, ...rest }) => ({ ...rest, record: { ...record, attempts: 0 } }));

function refused(records: number, count: number): ReturnType<Blame['decide']> {
  const blame = new Blame(records);
  for (const each of fresh.slice(0, count)) blame.row(each, check);
  return blame.decide(new Map(), pauseMs);
}

test('the last attempt buries a row, however many are refused alike', () => {
  for (const count of [1, 20, 21, 100]) {
    const { outcomes, tableFaults } = blamed(100, many(count)).decide(new Map(), pauseMs);
    expect([...outcomes.values()].every(({ kind }) => kind === 'buried')).toBe(true);
    expect(tableFaults).toEqual([]);
  }
});

test('twenty alike pause by themselves, twenty-one as long as the policy lets them, and that is told', () => {
  const few = refused(100, 20);
  expect([...few.outcomes.values()]).toMatchObject(Array.from({ length: 20 }, () => ({ ...again, delayMs: 100 })));
  expect(few.tableFaults).toEqual([]);
  const more = refused(100, 21);
  expect([...more.outcomes.values()]).toMatchObject(Array.from({ length: 21 }, () => ({ ...again, delayMs: 1_000 })));
  expect(more.tableFaults).toMatchObject([{ table: 'product', code: '23514', records: 21, isOfRows: true }]);
});

test('in a large batch it takes more than a tenth', () => {
  expect(refused(1_000, 100).tableFaults).toEqual([]);
  expect(refused(1_000, 101).tableFaults).toHaveLength(1);
});

test('faults of two kinds are counted apart', () => {
  const blame = new Blame(100);
  for (const [position, each] of fresh.slice(0, 40).entries()) blame.row(each, position % 2 === 0 ? check : missing);
  expect(blame.decide(new Map(), pauseMs).tableFaults).toEqual([]);
});

test('a table that cannot be written keeps its rows waiting, uncounted', () => {
  const blame = new Blame(100);
  blame.table(items.slice(0, 2), { kind: 'table', sqlstate: '42P01', reason: 'gone' });
  const { outcomes, tableFaults } = blame.decide(new Map(), pauseMs);
  expect([...outcomes.values()]).toMatchObject([{ attempts: 4 }, { kind: 'again', attempts: 4, delayMs: 7 }]);
  expect(tableFaults).toEqual([expect.not.objectContaining({ isOfRows: true })]);
  expect(tableFaults).toMatchObject([{ code: '42P01', records: 2 }]);
});

test('what PostgreSQL said is in the dead letter, and in nothing else', () => {
  const blame = new Blame(100);
  blame.row(items[0] as Item, { ...check, message: 'all of it' });
  blame.row(fresh[1] as Item, { ...check, message: 'all of it' });
  const [buried, waits] = [...blame.decide(new Map(), pauseMs).outcomes.values()];
  expect(buried).toMatchObject({ kind: 'buried', reason: 'check', message: 'all of it' });
  expect(waits).toMatchObject({ kind: 'again', reason: 'check' });
  expect(waits).not.toHaveProperty('message');
});
