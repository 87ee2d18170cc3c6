import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OptimisticLockError } from '@mikro-orm/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Draft } from '../src/journal/draft.js';
import { Journal } from '../src/journal/journal.js';
import { parseJournal, readJournals } from '../src/journal/read-journals.js';

let folder: string;
let journal: Journal;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'spillway-shop-test-'));
  journal = new Journal(path.join(folder, 'application-1.jsonl'));
});

afterEach(() => {
  journal[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

test('what was flushed is acknowledged, with the key and the version that the flush gave it', async () => {
  const order: { id: number; version?: number } = { id: 0 };
  await journal.record([insertOf(order)], async () => void Object.assign(order, { id: 41, version: 1 }));
  expect(readJournals(folder)).toEqual({
    acknowledged: [
      { kind: 'insert', table: 'orders', row: 'application-1-1', version: 1, values: { total: '5.00', id: '41' } },
    ],
    inDoubt: [],
  });
});

test('a flush without an answer is in doubt, as it was intended', async () => {
  await expect(journal.record([updateTo('paid')], () => Promise.reject(new Error('no answer')))).rejects.toThrow(
    'no answer',
  );
  expect(readJournals(folder)).toEqual({
    acknowledged: [],
    inDoubt: [{ kind: 'update', table: 'orders', row: 'application-1-1', version: 4, values: { status: 'paid' } }],
  });
});

test('the line is in the file before the flush begins', async () => {
  await journal.record([updateTo('paid')], async () => {
    expect(readJournals(folder).inDoubt).toHaveLength(1);
  });
  expect(readJournals(folder).inDoubt).toHaveLength(0);
});

test('a refused flush is neither acknowledged nor in doubt', async () => {
  const stale = (): Promise<void> => Promise.reject(new OptimisticLockError('stale'));
  await expect(journal.record([updateTo('paid')], stale)).rejects.toThrow(OptimisticLockError);
  expect(readJournals(folder)).toEqual({ acknowledged: [], inDoubt: [] });
});

test('a last line that was cut off was never written', async () => {
  await journal.record([updateTo('paid')], async () => {});
  const text = readFileSync(path.join(folder, 'application-1.jsonl'), 'utf8');
  const cut = parseJournal(text.slice(0, -3));
  expect(cut.acknowledged).toHaveLength(0);
  expect(cut.inDoubt).toHaveLength(1);
});

function insertOf(entity: { id: number; version?: number }): Draft {
  return { kind: 'insert', table: 'orders', row: 'application-1-1', entity, values: { total: '5.00' } };
}

function updateTo(status: string): Draft {
  const entity = { id: 41, version: 3 };
  return { kind: 'update', table: 'orders', row: 'application-1-1', entity, values: { status } };
}
