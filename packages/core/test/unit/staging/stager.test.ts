import { SentInVain } from '../../../src/staging/staging-errors.js';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { type RowKey, rowKeyOf, shardOf } from '../../../src/change/row-key.js';
import type { EntityRules } from '../../../src/staging/entity-rules.js';
import { Stager } from '../../../src/staging/stager.js';
import type { LostUnit } from '../../../src/staging/stage-result.js';
import { FaultyStore } from './faulty-store.js';

const SHARDS = 2;
const RULES: EntityRules = {
  debounceMs: 0,
  maxDelayMs: 0,
  maxPending: 100,
  maxRecordBytes: 10_000,
  onFull: 'reject',
  blockTimeoutMs: 0,
};

/** A row that falls into the shard. */
function row(shard: number, number = 0): RowKey {
  const keys = Array.from({ length: 200 }, (_, key) => rowKeyOf({ schema: '', table: 'product', key: [String(key)] }));
  return keys.filter((key) => shardOf(key, SHARDS) === shard)[number] as RowKey;
}

function plusOne(rowKey: RowKey): Change {
  return { kind: 'increment', entity: 'Product', rowKey, values: {}, deltas: { stock: '1' }, originals: {} };
}

async function makeStager(adopted: readonly number[] = [0, 1]) {
  const line = new FaultyStore(SHARDS);
  const adopt = async (shards: readonly number[]): Promise<void> => {
    await Promise.all(shards.map(async (shard) => line.inner.adopt(shard, 'T0')));
  };
  await adopt(adopted);
  const stager = new Stager(line.store, { stageTimeoutMs: 30, adopt, endHolds: () => Promise.resolve() });
  const stock = async (rowKey: RowKey) => (await line.inner.peek([rowKey])).get(rowKey)?.dirty?.deltas['stock'];
  return { line, stager, stock, rules: { Product: RULES } };
}

describe('one shard', () => {
  test('takes one call, and the caller learns the versions of all rows, and by which sequence to ask for them', async () => {
    const { line, stager, rules } = await makeStager();
    await stager.stageAll([{ ...plusOne(row(0)), kind: 'delete', base: '5' }], rules);
    const result = await stager.stageAll(
      [
        { ...plusOne(row(0)), kind: 'insert', version: '1' },
        { ...plusOne(row(0, 1)), kind: 'insert', version: '1' },
        plusOne(row(0, 2)),
      ],
      rules,
    );
    expect(result).toEqual({
      staged: new Map([
        [row(0), '6'],
        [row(0, 1), '1'],
        [row(0, 2), undefined],
      ]),
      marks: new Map(
        [row(0), row(0, 1), row(0, 2)].map((rowKey, index) => [
          rowKey,
          { rowKey, sequence: index + 2, since: expect.any(String) as string },
        ]),
      ),
      refused: [],
      unknown: [],
      dropped: [],
    });
    expect(line.sent).toEqual(['stage 0', 'stage 0']);
  });

  test('is adopted when the store does not know it (H14)', async () => {
    const { stager, stock, rules } = await makeStager([]);
    await stager.stageAll([plusOne(row(0))], rules);
    expect(await stock(row(0))).toBe('1');
  });

  test('is sent the call again under its id when the answer is lost, and applies it once (C5)', async () => {
    const { line, stager, stock, rules } = await makeStager();
    line.fail('stage', 0, 'answer lost', 'request lost', undefined);
    const result = await stager.stageAll([plusOne(row(0))], rules);
    expect(result.staged.size).toBe(1);
    expect(await stock(row(0))).toBe('1');
  });

  test('that never answers is fenced: what has run counts (C5)', async () => {
    const { line, stager, stock, rules } = await makeStager();
    line.fail('stage', 0, 'answer lost');
    expect((await stager.stageAll([plusOne(row(0))], rules)).staged.size).toBe(1);
    expect(await stock(row(0))).toBe('1');
  });

  test('that never answers is fenced: what has not run never will (C5)', async () => {
    const { line, stager, stock, rules } = await makeStager();
    line.fail('stage', 0, 'request lost');
    await expect(stager.stageAll([plusOne(row(0))], rules)).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    expect(await stock(row(0))).toBeUndefined();
  });

  test('that cannot be reached is an error, and is never asked to fence what it has not got', async () => {
    const { line, stager, rules } = await makeStager();
    line.fail('stage', 0, 'down');
    await expect(stager.stageAll([plusOne(row(0))], rules)).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    expect(line.sent).not.toContain('fence 0');
  });

  test('C6: a call that was sent and called back is told from one that was not sent', async () => {
    const { line, stager, rules } = await makeStager();
    line.fail('stage', 0, 'request lost');
    await expect(stager.stageAll([plusOne(row(0))], rules)).rejects.toBeInstanceOf(SentInVain);
    line.fail('stage', 0, 'down');
    await expect(stager.stageAll([plusOne(row(0))], rules)).rejects.not.toBeInstanceOf(SentInVain);
  });

  test('that answers nothing at all leaves the call unknown, to be settled later (H5)', async () => {
    for (const fault of ['answer lost', 'request lost'] as const) {
      const { line, stager, stock, rules } = await makeStager();
      line.fail('stage', 0, fault);
      line.fail('fence', 0, 'down');
      const { unknown, staged } = await stager.stageAll([plusOne(row(0))], rules);
      expect([unknown.length, staged.size]).toEqual([1, 0]);
      expect((await stager.findOut(unknown)).unknown).toEqual(unknown);
      line.fail('fence', 0, undefined);
      line.fail('stage', 0, undefined);
      const settled = await stager.findOut(unknown);
      expect([settled.staged.size, settled.dropped.length]).toEqual(fault === 'answer lost' ? [1, 0] : [0, 1]);
      await line.inner.stage((unknown[0] as LostUnit).group);
      expect(await stock(row(0))).toBe(fault === 'answer lost' ? '1' : undefined);
    }
  });

  test('that is full is waited for where the policy says so, until its time is up', async () => {
    const { line, stager, rules } = await makeStager();
    const full = { Product: { ...RULES, maxPending: 1, onFull: 'block', blockTimeoutMs: 10_000 } } as const;
    await stager.stageAll([plusOne(row(0))], rules);
    const waiting = stager.stageAll([plusOne(row(0, 1))], full);
    await line.inner.claim(0, { token: 'T1', predecessor: 'T0', limit: 9 });
    await line.inner.acknowledge(0, 'T1', new Map(), []);
    expect((await waiting).staged.size).toBe(1);
    const given = { Product: { ...full.Product, blockTimeoutMs: 20 } };
    expect((await stager.stageAll([plusOne(row(0, 2))], given)).refused).toEqual([
      { rowKey: row(0, 2), reason: 'full', limit: 1 },
    ]);
    expect(
      (await stager.stageAll([plusOne(row(0, 2))], { Product: { ...given.Product, onFull: 'reject' } })).refused.length,
    ).toBe(1);
  });
});

describe('several servers', () => {
  test('are all asked before any is told', async () => {
    const { line, stager, stock, rules } = await makeStager();
    await stager.stageAll([{ ...plusOne(row(1)), kind: 'delete' }], rules);
    const result = await stager.stageAll([plusOne(row(0)), plusOne(row(1))], rules);
    expect(result).toEqual({
      staged: new Map(),
      marks: new Map(),
      refused: [{ rowKey: row(1), reason: 'deleted' }],
      unknown: [],
      dropped: [],
    });
    expect(await stock(row(0))).toBeUndefined();
    expect(line.sent.slice(1)).toEqual(['check 0', 'check 1']);
  });

  test('stage nothing when one of them cannot be asked', async () => {
    const { line, stager, stock, rules } = await makeStager();
    line.fail('check', 1, 'request lost');
    await expect(stager.stageAll([plusOne(row(0)), plusOne(row(1))], rules)).rejects.toMatchObject({
      code: 'STAGING_UNAVAILABLE',
    });
    expect(await stock(row(0))).toBeUndefined();
  });

  test('keep what one has accepted when another fails after the check, and say which is which (H5)', async () => {
    const { line, stager, stock, rules } = await makeStager();
    line.fail('stage', 1, 'down');
    const result = await stager.stageAll([plusOne(row(0)), plusOne(row(1))], rules);
    expect([...result.staged.keys()]).toEqual([row(0)]);
    expect(result.dropped.flatMap(({ changes }) => changes.map(({ rowKey }) => rowKey))).toEqual([row(1)]);
    expect([await stock(row(0)), await stock(row(1))]).toEqual(['1', undefined]);
  });
});

describe('a parent and its child on two servers', () => {
  const parent = { ...plusOne(row(0)), entity: 'Order' };
  const child = plusOne(row(1));
  const rules = { Order: RULES, Product: RULES };

  test('are staged in this order: the child is sent when the parent is staged', async () => {
    const { line, stager } = await makeStager();
    expect((await stager.stageAll([parent, child], rules)).staged.size).toBe(2);
    expect(line.sent.slice(-2)).toEqual(['stage 0', 'stage 1']);
  });

  test.each(['down', 'request lost'] as const)(
    'where the server of the parent is %s, no child is sent',
    async (fault) => {
      const { line, stager, stock } = await makeStager();
      line.fail('stage', 0, fault);
      await expect(stager.stageAll([parent, child], rules)).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
      expect(line.sent).not.toContain('stage 1');
      expect([await stock(row(0)), await stock(row(1))]).toEqual([undefined, undefined]);
    },
  );

  test('where the answer about the parent is lost, no child is sent, and the parent is found out', async () => {
    const { line, stager, stock } = await makeStager();
    line.fail('stage', 0, 'answer lost');
    line.fail('fence', 0, 'request lost');
    const result = await stager.stageAll([parent, child], rules);
    expect(result.unknown.flatMap(({ changes }) => changes)).toEqual([parent]);
    expect(result.dropped.flatMap(({ changes }) => changes)).toEqual([child]);
    expect(line.sent).not.toContain('stage 1');
    expect(await stock(row(1))).toBeUndefined();
  });

  test('where the server of the child is down, the parent stays', async () => {
    const { line, stager, stock } = await makeStager();
    line.fail('stage', 1, 'down');
    const result = await stager.stageAll([parent, child], rules);
    expect([...result.staged.keys()]).toEqual([row(0)]);
    expect(await stock(row(0))).toBe('1');
  });
});

test('nothing to stage is nothing to send', async () => {
  const { line, stager, rules } = await makeStager();
  expect(await stager.stageAll([], rules)).toEqual({
    staged: new Map(),
    marks: new Map(),
    refused: [],
    unknown: [],
    dropped: [],
  });
  expect(line.sent).toEqual([]);
});
