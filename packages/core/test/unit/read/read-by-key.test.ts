import { describe, expect, test } from 'vitest';
import type { StagedRecord } from '../../../src/change/record.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { readByKey, type KeyedRows } from '../../../src/read/read-by-key.js';
import type { Pending } from '../../../src/staging/look-side.js';

const key = rowKeyOf({ schema: 'public', table: 'product', key: ['1'] });

interface Row {
  readonly version?: string;
  readonly views: number;
  readonly name: string;
}

function record(part: Partial<StagedRecord>): StagedRecord {
  const empty = {
    entity: 'Product',
    values: {},
    deltas: {},
    originals: {},
    firstAtMs: 0,
    merged: 1,
    attempts: 0,
    doubtful: false,
  };
  return { ...empty, kind: 'update', first: 1, last: 1, ...part };
}

/** A world that changes between the reader's steps: each script entry is what the reader finds next. */
function world(script: {
  peeks: Pending[];
  rows: (Row | undefined)[];
  applied?: string[][];
  putOff?: boolean;
  forgotten?: boolean;
}): KeyedRows<Row> & { calls: string[] } {
  const calls: string[] = [];
  const next = <T>(list: T[]): T => (list.length > 1 ? (list.shift() as T) : (list[0] as T));
  return {
    calls,
    peek: async () => (calls.push('peek'), new Map([[key, next(script.peeks)]])),
    outcomes: async () => {
      calls.push('ledger');
      const outcome = { kind: 'again', attempts: 1, delayMs: 1, reason: 'locked' } as const;
      const outcomes = new Map(script.putOff ? [[key, outcome]] : []);
      return new Map(next(script.applied ?? [[]]).map((token) => [token, outcomes]));
    },
    acknowledge: async () => void calls.push('acknowledge'),
    hasForgotten: async () => (calls.push('chain'), script.forgotten ?? false),
    read: async () => {
      calls.push('read');
      const row = next(script.rows);
      return new Map(row ? [[key, row]] : []);
    },
    versionOf: (row) => row.version,
    lay: (pending, row) => {
      if (pending.kind === 'delete') return undefined;
      const base = row ?? { views: 0, name: '' };
      const name = pending.values['name'] === undefined ? base.name : (JSON.parse(pending.values['name']) as string);
      return {
        ...base,
        name,
        views: base.views + Number(pending.deltas['views'] ?? 0),
        ...(pending.version && { version: pending.version }),
      };
    },
  };
}

const rename = record({ base: '5', version: '6', values: { name: '"new"' } });
const view = record({ kind: 'increment', deltas: { views: '1' } });

describe('a row by key', () => {
  test('peeks before it reads, and lays over what is newer than the row', async () => {
    const rows = world({ peeks: [{ dirty: rename }], rows: [{ version: '5', views: 0, name: 'old' }] });
    expect((await readByKey([key], rows)).get(key)).toEqual({ version: '6', views: 0, name: 'new' });
    expect(rows.calls).toEqual(['peek', 'read']);
  });

  test('H3: a flush between the peek and the read does not bring back an older value', async () => {
    const rows = world({ peeks: [{ dirty: rename }, {}], rows: [{ version: '7', views: 0, name: 'newest' }] });
    expect((await readByKey([key], rows)).get(key)).toEqual({ version: '7', views: 0, name: 'newest' });
  });

  test('H3: a difference that was committed before the row was read is counted once', async () => {
    const inFlight = { inFlight: { record: view, token: 't1' } };
    const rows = world({ peeks: [inFlight], rows: [{ views: 1, name: '' }], applied: [['t1']] });
    expect((await readByKey([key], rows)).get(key)?.views).toBe(1);
    expect(rows.calls).toEqual(['peek', 'read', 'peek', 'ledger', 'peek', 'read']);
  });

  test('H3: a difference in a committed batch that put it off is still pending, and laid over', async () => {
    const rows = world({
      peeks: [{ inFlight: { record: view, token: 't1' } }],
      rows: [{ views: 0, name: '' }],
      applied: [['t1']],
      putOff: true,
    });
    expect((await readByKey([key], rows)).get(key)?.views).toBe(1);
  });

  test('H3: a difference in flight that is not committed is laid over', async () => {
    const rows = world({
      peeks: [{ inFlight: { record: view, token: 't1' } }],
      rows: [{ views: 0, name: '' }],
      applied: [[]],
    });
    expect((await readByKey([key], rows)).get(key)?.views).toBe(1);
  });

  test('H3: a difference that was dirty at the peek, then claimed, committed and acknowledged, is counted once', async () => {
    const rows = world({ peeks: [{ dirty: view }, {}, {}], rows: [{ views: 1, name: '' }] });
    expect((await readByKey([key], rows)).get(key)?.views).toBe(1);
  });

  test('H3: a difference that was dirty at the peek and is in flight and committed afterwards is counted once', async () => {
    const rows = world({
      peeks: [{ dirty: view }, { inFlight: { record: view, token: 't1' } }],
      rows: [{ views: 1, name: '' }],
      applied: [['t1']],
    });
    expect((await readByKey([key], rows)).get(key)?.views).toBe(1);
  });

  test('C3: of a batch that was committed without what had been added to it, what was added is laid over, once', async () => {
    const grown = record({ kind: 'increment', deltas: { views: '3' }, last: 2, merged: 2 });
    const rows = world({
      peeks: [
        { inFlight: { record: grown, token: 't1', part: 1 } },
        { inFlight: { record: grown, token: 't1', part: 1 } },
        { dirty: view },
      ],
      rows: [{ views: 2, name: '' }],
      applied: [['t1']],
    });
    expect((await readByKey([key], rows)).get(key)?.views).toBe(3);
    expect(rows.calls).toEqual(['peek', 'read', 'peek', 'ledger', 'acknowledge', 'peek', 'read', 'peek']);
  });

  test('a difference that grew meanwhile is laid over as it is by then', async () => {
    const grown = record({ kind: 'increment', deltas: { views: '3' }, last: 3, merged: 3 });
    const rows = world({ peeks: [{ dirty: view }, { dirty: grown }], rows: [{ views: 10, name: '' }] });
    expect((await readByKey([key], rows)).get(key)?.views).toBe(13);
  });

  test('that is deleted does not come back, and its later life does', async () => {
    const removal = record({ kind: 'delete', base: '5' });
    const gone = world({ peeks: [{ dirty: removal }], rows: [{ version: '5', views: 0, name: 'old' }] });
    expect((await readByKey([key], gone)).has(key)).toBe(false);
    const reborn = world({ peeks: [{ dirty: removal }, {}], rows: [{ version: '6', views: 0, name: 'again' }] });
    expect((await readByKey([key], reborn)).get(key)?.name).toBe('again');
  });

  test('of which nothing is pending is the database row', async () => {
    const rows = world({ peeks: [{}], rows: [{ version: '5', views: 0, name: 'old' }] });
    expect((await readByKey([key], rows)).get(key)?.name).toBe('old');
    expect(rows.calls).toEqual(['peek', 'read']);
  });

  describe('of a version number that another program has made too (H15, R10a)', () => {
    const foreign = { version: '6', views: 0, name: 'sql' };

    test('what is still dirty is laid over, whatever the row says', async () => {
      const rows = world({ peeks: [{ dirty: rename }], rows: [foreign] });
      expect((await readByKey([key], rows)).get(key)).toEqual({ version: '6', views: 0, name: 'new' });
      expect(rows.calls).toEqual(['peek', 'read', 'peek', 'chain']);
    });

    test('also where the row is several numbers past it', async () => {
      const rows = world({ peeks: [{ dirty: rename }], rows: [{ ...foreign, version: '9' }] });
      expect((await readByKey([key], rows)).get(key)).toEqual({ version: '6', views: 0, name: 'new' });
    });

    test('what is in flight, and not in the ledger, is laid over', async () => {
      const rows = world({ peeks: [{ inFlight: { record: rename, token: 't1' } }], rows: [foreign], applied: [[]] });
      expect((await readByKey([key], rows)).get(key)?.name).toBe('new');
    });

    test('what is in flight and in the ledger is read again', async () => {
      const rows = world({
        peeks: [{ inFlight: { record: rename, token: 't1' } }],
        rows: [foreign, { ...foreign, name: 'new' }],
        applied: [['t1']],
      });
      expect((await readByKey([key], rows)).get(key)?.name).toBe('new');
      expect(rows.calls).toEqual(['peek', 'read', 'peek', 'ledger', 'peek', 'read']);
    });

    test('a pending delete of the row stays, though the row was changed meanwhile', async () => {
      const removal = record({ kind: 'delete', base: '5' });
      const rows = world({ peeks: [{ dirty: removal }], rows: [foreign] });
      expect((await readByKey([key], rows)).has(key)).toBe(false);
    });

    test('the row is believed where the staging store has forgotten something', async () => {
      const rows = world({ peeks: [{ dirty: rename }], rows: [foreign], forgotten: true });
      expect((await readByKey([key], rows)).get(key)?.name).toBe('sql');
    });

    test('the row is believed where the record is doubtful: it may have been written before that', async () => {
      const rows = world({ peeks: [{ dirty: { ...rename, doubtful: true } }], rows: [foreign] });
      expect((await readByKey([key], rows)).get(key)?.name).toBe('sql');
      expect(rows.calls).toEqual(['peek', 'read']);
    });
  });
});
