import { describe, expect, test } from 'vitest';
import { ScopeNotes, TransactionScope } from '../../../src/mikro-orm/transactions/transaction-scope.js';
import { SequenceBlocks } from '../../../src/mikro-orm/write/sequence-blocks.js';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';

/** A function takes fewer arguments than this: an array that is spread into a call ends in a `RangeError`. */
const MANY = 300_000;

describe(`${MANY} of them`, () => {
  test('are numbered at once, where some numbers are left of an earlier block', async () => {
    let last = 0;
    const blocks = new SequenceBlocks(
      async (_table, count) => Array.from({ length: count }, () => String((last += 1))),
      { isApart: () => false, restarted: () => {} },
    );
    const type = { table: { name: 'tick' } } as unknown as WriteBehindType;
    expect(await blocks.take(type, 1)).toEqual(['1']);
    const taken = await blocks.take(type, MANY);
    expect([taken[0], taken.at(-1), taken.length]).toEqual(['2', String(MANY + 1), MANY]);
  });

  test('that a part of a transaction leaves behind belong to the part around it once its savepoint is released', () => {
    const outer = new TransactionScope({}, {});
    const inner = new TransactionScope({}, {}, outer);
    const notes = new ScopeNotes<number>();
    for (let note = 0; note < MANY; note += 1) notes.add(inner, note);
    inner.released();
    expect(notes.standing(outer).length).toBe(MANY);
    expect(notes.standing(outer).at(-1)).toBe(MANY - 1);
  });
});
