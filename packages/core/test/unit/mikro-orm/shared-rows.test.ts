import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import { describe, expect, test } from 'vitest';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';
import type { Find, Options } from '../../../src/mikro-orm/read/query-options.js';
import { canBeShared, SharedRows } from '../../../src/mikro-orm/read/shared-rows.js';

const id = { name: 'id', fieldNames: ['id'] };
const meta = { className: 'Note', primaryKeys: ['id'], getPrimaryProps: () => [id] } as unknown as EntityMetadata;
const type = {
  meta,
  table: { schema: 'public', name: 'note' },
  key: {
    columns: [
      {
        property: id,
        leaf: id,
        name: (value: unknown) => ({ text: String(value), isExact: true }),
        toRow: (text: string) => Number(text),
      },
    ],
  },
} as unknown as WriteBehindType;
const key = (number: number): RowKey => rowKeyOf({ schema: 'public', table: 'note', key: [String(number)] });

/** Look-ups of rows by their numbers, and the conditions of the statements that they need. */
function world(answer: (ids: readonly number[]) => readonly object[] | Error) {
  const statements: number[][] = [];
  const shared = new SharedRows();
  const find: Find = async (where) => {
    const asked = (where as { id: number | { $in: number[] } }).id;
    const ids = typeof asked === 'number' ? [asked] : asked.$in;
    statements.push(ids);
    const rows = answer(ids);
    if (rows instanceof Error) throw rows;
    return rows;
  };
  const read = async (number: number, options: Options = {}) =>
    (await shared.read({ type, meta, keys: [key(number)], find, options })).get(key(number));
  return { statements, read };
}

describe('R17: rows that several callers ask for in one turn', () => {
  test('come by one statement, and later ones by another', async () => {
    const { statements, read } = world((ids) => ids.map((each) => ({ id: each })));
    const late = Promise.resolve().then(async () => read(3));
    expect(await Promise.all([read(1), read(2), late])).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    await read(1);
    expect(statements).toEqual([[1, 2, 3], [1]]);
  });

  test('come from the connection that each asks for', async () => {
    const { statements, read } = world((ids) => ids.map((each) => ({ id: each })));
    await Promise.all([read(1, { connectionType: 'write' }), read(2), read(3, { connectionType: 'write' })]);
    expect(statements).toEqual([[1, 3], [2]]);
  });

  test('are read alone if the statement fails, and only the caller at fault fails', async () => {
    const { statements, read } = world((ids) =>
      ids.includes(2) ? new Error('22003: out of range') : ids.map((each) => ({ id: each })),
    );
    const answers = await Promise.allSettled([1, 2, 3].map(async (number) => read(number)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(statements).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  test('are read once if a caller is alone, also if that fails', async () => {
    const { statements, read } = world(() => new Error('away'));
    await expect(read(1)).rejects.toThrow('away');
    expect(statements).toEqual([[1]]);
  });

  test('are values of their own for each caller of one row', async () => {
    const made = () => ({ id: 1, at: new Date(5), data: Buffer.from([1]), list: [{ deep: [1] }], none: null });
    const { statements, read } = world(() => [made()]);
    const [one, other] = await Promise.all([read(1), read(1)]);
    expect(statements).toEqual([[1]]);
    for (const row of [one, other]) expect(row).toEqual(made());
    for (const name of ['at', 'data', 'list'] as const) expect(one?.[name]).not.toBe(other?.[name]);
    const inner = [one, other].map((row) => (row?.['list'] as object[] | undefined)?.[0]);
    expect(inner[0]).not.toBe(inner[1]);
  });

  test('are read again where a value is an instance that cannot be copied', async () => {
    class Money {
      readonly cents = 1;
    }
    const { statements, read } = world(() => [{ id: 1, price: new Money() }]);
    const [one, other] = await Promise.all([read(1), read(1)]);
    expect(one?.['price']).not.toBe(other?.['price']);
    expect(statements).toEqual([[1], [1]]);
  });

  test('are of bounded number in a statement', async () => {
    const { statements, read } = world((ids) => ids.map((each) => ({ id: each })));
    await Promise.all(Array.from({ length: 2_500 }, async (_, number) => read(number)));
    expect(statements.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  });
});

describe('R17: a look-up that goes its own way', () => {
  const em = { config: { get: () => undefined } } as unknown as EntityManager;
  const usual = { em, populate: [], ctx: undefined, logging: { id: 1 }, limit: 1, flags: ['DISABLE_PAGINATE'] };

  test('is none of those that MikroORM asks for by itself', () => expect(canBeShared(usual)).toBe(true));

  test.each<[string, Options]>([
    ['is in a transaction', { ctx: new WeakMap() }],
    ['has a signal', { signal: new AbortController().signal }],
    ['names a schema', { schema: 'other' }],
    ['locks', { lockMode: 4 }],
    ['populates', { populate: ['author'] }],
    ['has a comment', { comments: 'mine' }],
    ['logs otherwise', { logging: { id: 1, enabled: false } }],
    ['has other flags', { flags: ['DISTINCT'] }],
    ['has an option that is not known', { whatever: true }],
    ['has no entity manager', { em: undefined }],
    ['has a session', { em: { config: em.config, getSessionContext: () => ({}) } }],
    ['is of an ORM that prepares each connection', { em: { config: { get: () => async () => undefined } } }],
  ])('%s', (_, options) => expect(canBeShared({ ...usual, ...options })).toBe(false));
});
