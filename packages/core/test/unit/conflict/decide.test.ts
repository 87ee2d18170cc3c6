import { expect, test } from 'vitest';
import { decideConflict, type ConflictCase } from '../../../src/conflict/decide.js';
import type { ConflictStrategy, RowConflict } from '../../../src/conflict/strategy.js';

const conflict: RowConflict = {
  rowKey: '["public","product","1"]',
  base: { a: '1', b: '1' },
  ours: { a: '2', b: '2' },
  theirs: { a: '1', b: '3' },
  changed: ['b'],
  attempt: 0,
};
const problem: ConflictCase = { kind: 'update', conflict, agreed: new Set() };

test('overwrite and keep-database are what they say', () => {
  expect(decideConflict(problem, { kind: 'overwrite' })).toEqual({ kind: 'overwrite' });
  expect(decideConflict(problem, { kind: 'keep-database' })).toEqual({ kind: 'keep-database' });
});

test('dead-letter buries', () => {
  expect(decideConflict(problem, { kind: 'dead-letter' })).toMatchObject({ kind: 'bury' });
});

test('a merge asks its fallback only about what both sides changed', () => {
  expect(decideConflict(problem, { kind: 'merge', both: 'overwrite' })).toEqual({ kind: 'overwrite' });
  expect(decideConflict(problem, { kind: 'merge', both: 'keep-database' })).toEqual({
    kind: 'write',
    values: { a: '2' },
    whole: false,
  });
  expect(decideConflict(problem, { kind: 'merge', both: 'dead-letter' })).toEqual({
    kind: 'bury',
    reason: 'Both sides have changed "b".',
  });
  expect(decideConflict({ ...problem, agreed: new Set(['b']) }, { kind: 'merge', both: 'dead-letter' })).toEqual({
    kind: 'write',
    values: { a: '2' },
    whole: true,
  });
});

test.each(['delete', 'replace'] as const)('a %s is about the whole row, so a merge is its fallback', (kind) => {
  const whole = { ...problem, kind, agreed: new Set(['a', 'b']) };
  expect(decideConflict(whole, { kind: 'merge', both: 'keep-database' })).toEqual({ kind: 'keep-database' });
  expect(decideConflict(whole, { kind: 'merge', both: 'dead-letter' })).toMatchObject({ kind: 'bury' });
});

function deciding(decide: (seen: RowConflict) => unknown): ConflictStrategy {
  return { kind: 'function', decide: decide as (seen: RowConflict) => 'overwrite' };
}

test('a function may answer any of the words', () => {
  expect(
    decideConflict(
      problem,
      deciding(() => 'overwrite'),
    ),
  ).toEqual({ kind: 'overwrite' });
  expect(
    decideConflict(
      problem,
      deciding(() => 'keep-database'),
    ),
  ).toEqual({ kind: 'keep-database' });
  expect(
    decideConflict(
      problem,
      deciding(() => 'dead-letter'),
    ),
  ).toMatchObject({ kind: 'bury' });
});

test('what a function writes is whole if nothing of ours is given up', () => {
  const write = (values: Record<string, string>) =>
    decideConflict(
      problem,
      deciding(() => ({ write: values })),
    );
  expect(write({ a: '2', b: '2', c: '9' })).toMatchObject({ kind: 'write', whole: true });
  expect(write({ a: '2', b: '3' })).toMatchObject({ kind: 'write', whole: false });
  expect(write({})).toMatchObject({ kind: 'write', whole: false });
});

test.each([
  [
    'an error',
    () => {
      throw new Error('boom');
    },
  ],
  ['nothing', () => undefined],
  ['a promise', () => Promise.resolve('overwrite')],
  ['an empty object', () => ({})],
  ['values that are no texts', () => ({ write: { a: 2 } })],
])('a function that answers %s buries the record', (_, decide) => {
  expect(decideConflict(problem, deciding(decide))).toMatchObject({
    kind: 'bury',
    reason: expect.stringContaining('conflict function failed'),
  });
});
