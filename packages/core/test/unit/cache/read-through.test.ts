import { expect, test } from 'vitest';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import { readThrough, type CopyRead, type Filling } from '../../../src/cache/read-through.js';
import type { Blocked, CacheAnswer, CopyFound } from '../../../src/staging/row-cache.js';

const key = (id: string): RowKey => rowKeyOf({ schema: 'public', table: 'product', key: [id] });
const copyOf = (text: string): CacheAnswer => ({ kind: 'copy', bytes: Buffer.from(text), carried: [] });

/** A cache that answers as it is told, look by look; the last answer of a row stands. */
function world(answers: Readonly<Record<string, readonly CacheAnswer['kind'][]>> | undefined, database: string[]) {
  const seen = {
    loads: [] as string[][],
    kept: [] as boolean[],
    fillings: [] as Filling<string>[],
    blocked: [] as string[],
    dropped: [] as string[],
  };
  const looks = new Map<string, number>();
  const idOf = (rowKey: RowKey): string => (JSON.parse(rowKey) as string[])[2] ?? '';
  return {
    seen,
    rows: {
      look: async (keys: readonly RowKey[]) =>
        answers &&
        new Map(
          keys.map((each): [RowKey, CacheAnswer] => {
            const id = idOf(each);
            const look = looks.get(id) ?? 0;
            looks.set(id, look + 1);
            const kind = answers[id]?.[look] ?? answers[id]?.at(-1) ?? 'pending';
            if (kind === 'copy') return [each, copyOf(`copy of ${id}`)];
            if (kind === 'ticket') return [each, { kind, ticket: `ticket of ${id}` }];
            return [each, kind === 'blocked' ? { kind, by: 'row', transactions: ['7'] } : { kind }];
          }),
        ),
      read: (_: RowKey, { bytes }: CopyFound): CopyRead<string> => {
        const text = Buffer.from(bytes).toString();
        if (text.includes('deleted')) return { kind: 'row', row: undefined };
        return text.includes('other')
          ? { kind: 'unknown' }
          : text.includes('old')
            ? { kind: 'old' }
            : { kind: 'row', row: text };
      },
      load: async (keys: readonly RowKey[], isKept: boolean) => {
        seen.loads.push(keys.map(idOf));
        seen.kept.push(isKept);
        const found = keys.filter((each) => database.includes(idOf(each)));
        return {
          rows: new Map(found.map((each) => [each, `row ${idOf(each)}`])),
          bare: new Map(found.map((each) => [each, `bare ${idOf(each)}`])),
        };
      },
      fill: async (fillings: readonly Filling<string>[]) => void seen.fillings.push(...fillings),
      drop: async (keys: readonly RowKey[]) => void seen.dropped.push(...keys.map(idOf)),
      blocked: async (rows: ReadonlyMap<RowKey, Blocked>) => void seen.blocked.push(...[...rows.keys()].map(idOf)),
    },
  };
}

test('what has copies is answered without the database, in the order that was asked for', async () => {
  const { rows, seen } = world({ a: ['copy'], b: ['ticket'], c: ['copy'] }, ['b']);
  expect([...(await readThrough([key('a'), key('b'), key('c')], rows)).values()]).toEqual([
    'copy of a',
    'row b',
    'copy of c',
  ]);
  expect(seen.loads).toEqual([['b']]);
  expect(seen.fillings).toEqual([{ rowKey: key('b'), ticket: 'ticket of b', row: 'bare b' }]);
});

test('H17 (R8): a read is told whether it fills a copy', async () => {
  const { rows, seen } = world({ a: ['pending'], b: ['ticket'], c: ['blocked'] }, ['a', 'b', 'c']);
  await readThrough([key('a'), key('c')], rows);
  await readThrough([key('a'), key('b')], rows);
  expect(seen).toMatchObject({
    loads: [
      ['a', 'c'],
      ['a', 'b'],
    ],
    kept: [false, true],
  });
});

test('a cache that cannot be asked is no obstacle', async () => {
  const { rows, seen } = world(undefined, ['a']);
  expect([...(await readThrough([key('a'), key('b')], rows)).values()]).toEqual(['row a']);
  expect(seen).toMatchObject({ loads: [['a', 'b']], fillings: [] });
});

test('a ticket for a row that there is not is given back, and nothing is kept of it', async () => {
  const { rows, seen } = world({ a: ['ticket'] }, []);
  expect((await readThrough([key('a')], rows)).size).toBe(0);
  expect(seen.fillings).toEqual([{ rowKey: key('a'), ticket: 'ticket of a', row: undefined }]);
});

test('a ticket is given back when the database cannot be read', async () => {
  const { rows, seen } = world({ a: ['ticket'] }, []);
  const failing = { ...rows, load: () => Promise.reject(new Error('away')) };
  await expect(readThrough([key('a')], failing)).rejects.toThrow('away');
  expect(seen.fillings).toEqual([{ rowKey: key('a'), ticket: 'ticket of a', row: undefined }]);
});

test('who finds the ticket taken waits for its copy', async () => {
  const { rows, seen } = world({ a: ['taken', 'taken', 'copy'] }, ['a']);
  expect([...(await readThrough([key('a')], rows)).values()]).toEqual(['copy of a']);
  expect(seen.loads).toEqual([]);
});

test('and takes over the ticket of a holder who gave it back', async () => {
  const { rows, seen } = world({ a: ['taken', 'ticket'] }, ['a']);
  expect([...(await readThrough([key('a')], rows)).values()]).toEqual(['row a']);
  expect(seen.fillings).toHaveLength(1);
});

test('and reads the row itself when the holder takes too long, without keeping it', async () => {
  const { rows, seen } = world({ a: ['taken'], b: ['ticket'] }, ['a', 'b']);
  expect([...(await readThrough([key('a'), key('b')], rows)).values()]).toEqual(['row a', 'row b']);
  expect(seen.loads).toEqual([['b'], ['a']]);
  expect(seen.fillings.map(({ ticket }) => ticket)).toEqual(['ticket of b']);
});

test('rows that transactions write, or of which something is pending, are read and not kept', async () => {
  const { rows, seen } = world({ a: ['blocked'], b: ['pending'] }, ['a', 'b']);
  expect([...(await readThrough([key('a'), key('b')], rows)).values()]).toEqual(['row a', 'row b']);
  expect(seen).toMatchObject({ loads: [['a', 'b']], fillings: [], blocked: ['a'] });
});

test('a copy that only PostgreSQL can tell is read instead', async () => {
  const { rows, seen } = world({ other: ['copy'] }, ['other']);
  expect([...(await readThrough([key('other')], rows)).values()]).toEqual(['row other']);
  expect(seen).toMatchObject({ fillings: [], dropped: [] });
});

test('R7: a copy of a row that has been written since is read instead, and dropped', async () => {
  const { rows, seen } = world({ old: ['copy'], a: ['copy'] }, ['old']);
  expect([...(await readThrough([key('old'), key('a')], rows)).values()]).toEqual(['row old', 'copy of a']);
  expect(seen).toMatchObject({ fillings: [], dropped: ['old'] });
});

test('a row whose deletion is pending is not looked for in the database', async () => {
  const { rows, seen } = world({ deleted: ['copy'] }, ['deleted']);
  expect((await readThrough([key('deleted')], rows)).size).toBe(0);
  expect(seen.loads).toEqual([]);
});
