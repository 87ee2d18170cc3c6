import { describe, expect, it } from 'vitest';
import type { Conflict, ConflictFunction } from '../../../src/policy/conflict-function.js';
import { rowDecider } from '../../../src/policy/row-decider.js';
import type { ValueConversion } from '../../../src/policy/row-decider.js';

const CONFLICT = {
  rowKey: '["","product","7"]',
  base: { name: '"Pen"', soldAt: '"2026-01-01T00:00:00.000Z"' },
  ours: { name: '"Ballpen"' },
  theirs: { name: '"Pencil"', soldAt: '"2026-02-01T00:00:00.000Z"' },
  changed: ['name', 'soldAt'],
  attempt: 2,
};

const conversion: ValueConversion = {
  entity: 'Product',
  writable: new Set(['name', 'soldAt', '__proto__']),
  toValue: (property, text) => {
    const value: unknown = JSON.parse(text);
    return property === 'soldAt' ? new Date(String(value)) : value;
  },
  toText: (_property, value) => JSON.stringify(value),
  toKey: (rowKey) => Number((JSON.parse(rowKey) as string[])[2]),
};

/** What a conflict function without types may answer. */
function answering(answer: unknown): ConflictFunction {
  return () => answer as 'overwrite';
}

describe('a conflict function', () => {
  it('sees values as the entity has them', () => {
    const seen: Conflict[] = [];
    rowDecider((conflict) => {
      seen.push(conflict);
      return 'overwrite';
    }, conversion)(CONFLICT);

    expect(seen).toEqual([
      {
        entity: 'Product',
        key: 7,
        base: { name: 'Pen', soldAt: new Date('2026-01-01') },
        ours: { name: 'Ballpen' },
        theirs: { name: 'Pencil', soldAt: new Date('2026-02-01') },
        changed: ['name', 'soldAt'],
        attempt: 2,
      },
    ]);
  });

  it.each(['overwrite', 'keep-database', 'dead-letter'] as const)('may answer %s', (answer) => {
    expect(rowDecider(() => answer, conversion)(CONFLICT)).toBe(answer);
  });

  it('may answer what to write, which is staged as any other value is', () => {
    const decide = rowDecider(() => ({ write: { name: 'Quill', soldAt: new Date('2026-03-01') } }), conversion);
    expect(decide(CONFLICT)).toEqual({ write: { name: '"Quill"', soldAt: '"2026-03-01T00:00:00.000Z"' } });
  });

  it('that throws lets its error through, so that the record is buried with the reason', () => {
    const decide = rowDecider(() => {
      throw new Error('no idea');
    }, conversion);
    expect(() => decide(CONFLICT)).toThrow('no idea');
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['ours', 'a string'],
    [{ wirte: {} }, 'an object'],
    [{ write: null }, 'an object'],
    [Promise.resolve('overwrite'), 'a promise, but it must be synchronous'],
  ])('that answers %j is refused', (answer, shown) => {
    expect(() => rowDecider(answering(answer), conversion)(CONFLICT)).toThrow(
      new TypeError(
        `The conflict function of Product answered ${shown}; it must answer 'overwrite', 'keep-database' or 'dead-letter', or { write: { … } }`,
      ),
    );
  });

  it('that answers a promise is refused, and what that rejects with is heard', async () => {
    const answer = Promise.reject(new Error('too late'));
    expect(() => rowDecider(answering(answer), conversion)(CONFLICT)).toThrow('it must be synchronous');
    // An unhandled rejection, which would be told by now, fails the test run.
    await new Promise(setImmediate);
  });

  it('cannot write the key, the version or a counter', () => {
    expect(() => rowDecider(() => ({ write: { version: 9 } }), conversion)(CONFLICT)).toThrow(
      'The conflict function of Product answered to write "version", which it cannot: it may write name, soldAt',
    );
  });

  it('cannot write undefined', () => {
    expect(() => rowDecider(answering({ write: { name: undefined } }), conversion)(CONFLICT)).toThrow(
      'answered to write undefined to "name". Leave the property out, or write null',
    );
  });

  it('may write a property with a hostile name', () => {
    const decide = rowDecider(answering({ write: JSON.parse('{ "__proto__": 1 }') as unknown }), conversion);
    expect(JSON.stringify(decide(CONFLICT))).toBe('{"write":{"__proto__":"1"}}');
  });
});
