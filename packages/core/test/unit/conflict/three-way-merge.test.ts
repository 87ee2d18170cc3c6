import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeByProperty } from '../../../src/conflict/three-way-merge.js';
import type { RowConflict } from '../../../src/conflict/strategy.js';

function conflict(parts: Partial<RowConflict>): RowConflict {
  return { rowKey: '[]', base: {}, ours: {}, theirs: {}, changed: [], attempt: 0, ...parts };
}

test('what only we changed is written', () => {
  const merged = mergeByProperty(conflict({ base: { a: '1' }, ours: { a: '2' }, theirs: { a: '1' } }), new Set());
  expect(merged).toEqual({ write: { a: '2' }, contested: [] });
});

test('what both sides changed is contested', () => {
  const merged = mergeByProperty(
    conflict({ base: { a: '1' }, ours: { a: '2' }, theirs: { a: '3' }, changed: ['a'] }),
    new Set(),
  );
  expect(merged).toEqual({ write: {}, contested: ['a'] });
});

test('what both sides agree on needs nothing', () => {
  const merged = mergeByProperty(
    conflict({ base: { a: '1' }, ours: { a: '2' }, theirs: { a: '2.0' }, changed: ['a'] }),
    new Set(['a']),
  );
  expect(merged).toEqual({ write: {}, contested: [] });
});

test('what nobody has seen before may have been changed by anybody', () => {
  expect(mergeByProperty(conflict({ ours: { a: '2' }, theirs: { a: '1' } }), new Set())).toEqual({
    write: {},
    contested: ['a'],
  });
});

test('every property of ours is written, contested or agreed on, and nothing else is', () => {
  const names: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'constructor', 'toString');
  fc.assert(
    fc.property(
      fc.dictionary(names, fc.string()),
      fc.dictionary(names, fc.string()),
      fc.uniqueArray(names),
      fc.uniqueArray(names),
      (ours, base, changed, agreed) => {
        const { write, contested } = mergeByProperty(conflict({ ours, base, changed }), new Set(agreed));
        const left = Object.keys(ours).filter((property) => !agreed.includes(property));
        expect([...Object.keys(write), ...contested].toSorted()).toEqual(left.toSorted());
        for (const property in write) expect(changed).not.toContain(property);
      },
    ),
  );
});
