import { setImmediate } from 'node:timers/promises';
import type { Change } from '../../change/change.js';
import { rowKeyOf } from '../../change/row-key.js';
import { shardOf } from '../../change/row-key.js';
import { AT_ONCE, Bench, LATER, type ContractContext } from './bench.js';
import { fenceOne, stageOne } from './one-unit.js';

/** Stage calls: effects, answers and refusals. */
export function stageContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('staging', () => {
    it(
      'answers uninitialised for a shard that nobody has adopted, and keeps nothing (H14)',
      onBench(async (bench) => {
        const call = {
          ...bench.call({ rowKey: bench.row(0, 'product', 1), kind: 'increment', deltas: { stock: '1' } }),
          shard: 1,
        };
        expect(await stageOne(bench.store, call)).toEqual({ status: 'uninitialised', shards: [1] });
        expect(await bench.store.check(call, call.rules)).toEqual({ status: 'uninitialised', shards: [1] });
        expect(await bench.store.claim(1, { token: 'T1', predecessor: '', limit: 1 })).toEqual({
          status: 'uninitialised',
        });
        expect(await bench.store.adopt(1, 'T0')).toBe('adopted');
        expect(await bench.store.adopt(1, 'T9')).toBe('present');
        // The answer to the group stands: whoever was told it has sent a new one since (R13).
        expect(await fenceOne(bench.store, call)).toEqual({ status: 'uninitialised', shards: [1] });
        const again = { ...call, id: 'again' };
        expect(await stageOne(bench.store, again)).toMatchObject({ status: 'staged', versions: new Map() });
      }),
    );

    it(
      'shows a staged change at the next peek, with where and when it was staged',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { name: '"a"' }, originals: { name: '"o"' } });
        expect(await bench.dirty()).toMatchObject({
          kind: 'update',
          entity: 'Product',
          base: '5',
          version: '6',
          values: { name: '"a"' },
          deltas: {},
          originals: { name: '"o"' },
          first: 1,
          last: 1,
          merged: 1,
          attempts: 0,
          doubtful: false,
        });
      }),
    );

    it(
      'coalesces the changes of a row, also those of one call',
      onBench(async (bench) => {
        await bench.stage(
          { base: '5', version: '6', values: { name: '"a"', size: '1' } },
          { base: '6', version: '7', values: { size: '2' } },
        );
        await bench.stage({ kind: 'increment', deltas: { stock: '3' } });
        await bench.stage({ kind: 'increment', deltas: { stock: '-1' } });
        expect(await bench.dirty()).toMatchObject({
          base: '5',
          version: '7',
          values: { name: '"a"', size: '2' },
          deltas: { stock: '2' },
          first: 1,
          last: 4,
          merged: 4,
        });
      }),
    );

    it(
      'keeps properties of any name apart from the machinery',
      onBench(async (bench) => {
        const text = '{"__proto__":"1","constructor":"2","toJSON":"3","1":"4"}';
        const values = JSON.parse(text) as Record<string, string>;
        await bench.stage({ values });
        await bench.stage({ values: { length: '5' } });
        const record = await bench.dirty();
        expect(new Map(Object.entries(record?.values ?? {}))).toEqual(
          new Map(Object.entries(JSON.parse(text.replace('{', '{"length":"5",')) as Record<string, string>)),
        );
      }),
    );

    it(
      'accepts a call whole or not at all',
      onBench(async (bench) => {
        await bench.stage({ rowKey: bench.row(1), kind: 'delete', base: '1' });
        const answer = await bench.stage(
          { values: { name: '"a"' } },
          { rowKey: bench.row(1), values: { name: '"b"' } },
        );
        expect(answer).toEqual({ status: 'refused', refusals: [{ rowKey: bench.row(1), reason: 'deleted' }] });
        expect(await bench.dirty()).toBeUndefined();
        expect((await bench.store.stats()).staged).toBe(1);
      }),
    );

    it(
      'answers a check as it would answer the call, and changes nothing',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { name: '"a"' } });
        const stale = bench.call({ base: '5', version: '6', values: { name: '"b"' } });
        expect(await bench.store.check(stale, stale.rules)).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(0), reason: 'stale', version: '6' }],
        });
        const fine = bench.call(
          { base: '6', version: '7', values: { name: '"b"' } },
          { rowKey: bench.row(1), kind: 'increment', deltas: { stock: '1' } },
        );
        expect(await bench.store.check(fine, fine.rules)).toMatchObject({ status: 'staged', versions: new Map() });
        expect(await bench.dirty()).toMatchObject({ version: '6', values: { name: '"a"' } });
        expect(await stageOne(bench.store, fine)).toMatchObject({ status: 'staged', versions: new Map() });
      }),
    );

    it(
      'refuses new rows of an entity that has as many as it may, never rows that have a record',
      onBench(async (bench) => {
        bench.rules = { ...LATER, maxPending: 1 };
        await bench.stage({ values: { name: '"a"' } });
        expect(await bench.stage({ rowKey: bench.row(1), values: { name: '"b"' } })).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(1), reason: 'full' }],
        });
        expect((await bench.stage({ values: { name: '"c"' } })).status).toBe('staged');
        await bench.store.due.make({ kind: 'all' });
        const batch = await bench.claim();
        expect((await bench.stage({ values: { name: '"d"' } })).status).toBe('staged');
        await bench.end(batch);
        expect((await bench.stage({ rowKey: bench.row(1), values: { name: '"b"' } })).status).toBe('refused');
      }),
    );

    it(
      'refuses a record that would be larger than it may',
      onBench(async (bench) => {
        bench.rules = { ...LATER, maxRecordBytes: 200 };
        expect((await bench.stage({ values: { name: '"a"' } })).status).toBe('staged');
        const answer = await bench.stage({ values: { text: `"${'x'.repeat(200)}"` } });
        expect(answer).toEqual({ status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'too-large' }] });
      }),
    );

    it(
      'counts the key of the row as a part of what a record may have',
      onBench(async (bench) => {
        bench.rules = { ...LATER, maxRecordBytes: 200 };
        const rowKey = rowKeyOf({ schema: 'public', table: 'product', key: ['ü'.repeat(90)] });
        await bench.store.adopt(shardOf(rowKey, Bench.shards), 'T0');
        const answer = await bench.stage({ rowKey, values: { name: '"a"' } });
        expect(answer).toEqual({ status: 'refused', refusals: [{ rowKey, reason: 'too-large' }] });
      }),
    );

    it(
      'adds differences of 64 bits exactly, and refuses the sum that leaves them',
      onBench(async (bench) => {
        await bench.stage({ kind: 'increment', deltas: { stock: '9007199254740993' } });
        await bench.stage({ kind: 'increment', deltas: { stock: '9214364837600034813' } });
        expect((await bench.dirty())?.deltas).toEqual({ stock: '9223372036854775806' });
        expect(await bench.stage({ kind: 'increment', deltas: { stock: '2' } })).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(0), reason: 'overflow' }],
        });
        await bench.claim();
        expect((await bench.stage({ kind: 'increment', deltas: { stock: '2' } })).status).toBe('refused');
        expect((await bench.stage({ kind: 'increment', deltas: { stock: '1' } })).status).toBe('staged');
      }),
    );

    it(
      'counts without a scan',
      onBench(async (bench) => {
        await bench.stage(
          { values: { name: '"a"' } },
          { rowKey: bench.row(1), kind: 'insert', version: '1', values: { name: '"b"' } },
        );
        await bench.stage({ values: { name: '"c"' } });
        await bench.stage({ rowKey: bench.row(1), kind: 'delete', base: '1' });
        const { oldestMs, servers = [], ...counts } = await bench.store.stats();
        expect(oldestMs).toBeGreaterThan(-1);
        expect(servers.every((server) => / at \S+/u.test(server))).toBe(true);
        expect(counts).toEqual({
          pending: { Product: 1 },
          inFlight: 0,
          held: 0,
          dead: 0,
          deadDropped: 0,
          staged: 4,
          coalesced: 1,
          annihilated: 1,
        });
        const batch = await bench.claim();
        await bench.stage({ values: { name: '"d"' } });
        expect(await bench.store.stats()).toMatchObject({ pending: { Product: 2 }, inFlight: 1 });
        await bench.end(batch, {
          0: { kind: 'buried', code: 'CONFLICT', reason: '', rejected: false, counted: false },
        });
        expect(await bench.store.stats()).toMatchObject({ pending: { Product: 1 }, inFlight: 0, dead: 1 });
      }),
    );

    it(
      'answers a probe where there is room, and changes nothing by it',
      onBench(async (bench) => {
        await bench.stage({ values: { name: '"a"' } });
        const before = await bench.peek();
        await bench.store.probe();
        expect(await bench.peek()).toEqual(before);
        expect(await bench.store.stats()).toMatchObject({ pending: { Product: 1 }, staged: 1 });
        expect((await bench.claim()).records.size).toBe(1);
      }),
    );

    it(
      'tells how long the record that comes first has been pending, dirty or in flight, and nothing when nothing is',
      onBench(async (bench) => {
        expect((await bench.store.stats()).oldestMs).toBeUndefined();
        await bench.stage({ values: { name: '"a"' } });
        const before = await bench.peek();
        await eventuallyOlder(bench, 0);
        const batch = await bench.claim();
        await bench.stage({ values: { name: '"b"' } });
        expect(before.dirty?.firstAtMs).toBe((await bench.peek()).inFlight?.record.firstAtMs);
        await eventuallyOlder(bench, (await bench.store.stats()).oldestMs ?? 0);
        await bench.end(batch);
        await bench.flush();
        expect((await bench.store.stats()).oldestMs).toBeUndefined();
      }),
    );

    it(
      'does not merge a step into a step that is not written yet, and anything else as ever',
      onBench(async (bench) => {
        const step = { status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'step' }] };
        const stage = async (change: Partial<Change>) => bench.stage(change);
        bench.rules = { ...AT_ONCE, steps: ['code', 'owner'] };
        expect(await stage({ kind: 'insert', values: { code: '1', n: '1' } })).toMatchObject({ status: 'staged' });
        expect(await stage({ values: { n: '2' } })).toMatchObject({ status: 'staged' });
        expect(await stage({ values: { code: '2' } })).toEqual(step);
        // A value that is pending already is no step, whichever call sets it.
        expect(await stage({ values: { code: '1', n: '2' } })).toMatchObject({ status: 'staged' });
        expect(await stage({ kind: 'upsert', values: { code: '1', n: '3' } })).toMatchObject({ status: 'staged' });
        expect(await stage({ kind: 'upsert', values: { code: '3' } })).toEqual(step);
        // In flight it may come back.
        const batch = await bench.claim();
        expect(await stage({ values: { owner: '7' } })).toEqual(step);
        await bench.end(batch);
        expect(await stage({ values: { n: '3' } })).toMatchObject({ status: 'staged' });
        expect(await stage({ values: { code: '2' } })).toMatchObject({ status: 'staged' });
        expect(await stage({ kind: 'increment', deltas: { n: '1' } })).toMatchObject({ status: 'staged' });
        expect(await stage({ kind: 'delete' })).toEqual(step);
        await bench.flush();
        expect(await stage({ kind: 'delete' })).toMatchObject({ status: 'staged' });
        expect(await stage({ kind: 'insert', values: { n: '1' } })).toEqual(step);
        bench.rules = AT_ONCE;
        expect(await stage({ kind: 'insert', values: { n: '1' } })).toMatchObject({ status: 'staged' });
      }),
    );

    it(
      'lets an insert and its delete be nothing, though both are steps',
      onBench(async (bench) => {
        bench.rules = { ...AT_ONCE, steps: 'all' };
        await bench.stage({ kind: 'insert', values: { code: '1' } });
        expect(await bench.stage({ kind: 'delete' })).toMatchObject({ status: 'staged' });
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'takes every change for a step where it is not known which are',
      onBench(async (bench) => {
        bench.rules = { ...AT_ONCE, steps: 'all' };
        expect(await bench.stage({ values: { n: '1' } })).toMatchObject({ status: 'staged' });
        expect(await bench.stage({ values: { m: '1' } })).toMatchObject({ status: 'refused' });
      }),
    );

    it(
      'holds no step of a transaction on one of its own, or on one that is pending',
      onBench(async (bench) => {
        bench.rules = { ...AT_ONCE, steps: ['code'] };
        const first = await bench.hold('tx', [], { values: { code: '1' } });
        expect(first.answer).toMatchObject({ status: 'staged' });
        expect((await bench.hold('tx', [first.id], { values: { n: '1' } })).answer).toMatchObject({ status: 'staged' });
        const again = await bench.hold('tx', [first.id], { values: { code: '2' } });
        expect(again.answer).toMatchObject({ status: 'refused', refusals: [{ reason: 'step' }] });
        const change = (code: string): Partial<Change> => ({ rowKey: bench.row(1), values: { code } });
        await bench.stage(change('3'));
        expect((await bench.hold('tx', [first.id], change('3'))).answer).toMatchObject({ status: 'staged' });
        expect((await bench.hold('tx', [first.id], change('4'))).answer).toMatchObject({ status: 'refused' });
      }),
    );
  });
}

/** Waits until the store's oldest record is older than this. */
async function eventuallyOlder(bench: Bench, ageMs: number): Promise<void> {
  while (((await bench.store.stats()).oldestMs ?? -1) <= ageMs) await setImmediate();
}
