import { rowKeyOf } from '../../change/row-key.js';
import { shardOf } from '../../change/row-key.js';
import { Bench, conflicted, LATER, type ContractContext } from './bench.js';
import { stageOne } from './one-unit.js';

const PRODUCT = { kind: 'tables', tables: [{ schema: 'public', table: 'product' }] } as const;

/** Staged changes go when tables are cleared or dropped. `product` is emptied here, and `product_price` is not. */
export function emptyContract({ describe, it, expect, onBench }: ContractContext): void {
  const other = (bench: Bench, number = 0) => bench.row(number, 'product_price');

  describe('emptying a table', () => {
    it(
      'throws its dirty records away, and leaves those of others alone',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } }, { rowKey: other(bench), values: { n: '1' } });
        expect(await bench.store.empty(0, PRODUCT, 'T0')).toEqual({ records: 1, dead: 0 });
        expect(await bench.peek()).toEqual({});
        expect(await bench.dirty(other(bench))).toMatchObject({ values: { n: '1' } });
        expect((await bench.store.stats()).pending).toEqual({ Product: 1 });
        await bench.store.due.make({ kind: 'all' });
        expect([...(await bench.flush()).records.keys()]).toEqual([other(bench)]);
        expect(await bench.store.due.next()).toEqual(Array.from({ length: bench.store.shards }));
      }),
    );

    it(
      'leaves the rest of a batch in flight under its token',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } }, { rowKey: other(bench), values: { n: '1' } });
        const { token } = await bench.claim();
        await bench.stage({ values: { n: '2' } });
        expect(await bench.store.empty(0, PRODUCT, 'T0')).toEqual({ records: 2, dead: 0 });
        const again = await bench.claim();
        expect(again.token).toBe(token);
        expect([...again.records.keys()]).toEqual([other(bench)]);
        await bench.end(again);
        expect((await bench.store.stats()).pending).toEqual({});
        await bench.stage({ values: { n: '3' } });
        expect((await bench.claim()).records.size).toBe(1);
      }),
    );

    it(
      'ends a batch of which nothing is left, and the chain stays whole',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } });
        const { token } = await bench.claim();
        expect(await bench.store.empty(0, PRODUCT, 'T0')).toEqual({ records: 1, dead: 0 });
        expect(await bench.store.acknowledge(0, token, new Map(), [])).toBe(false);
        await bench.stage({ values: { n: '1' } });
        const next = await bench.claim();
        expect([next.token === token, next.predecessor, next.records.size]).toEqual([false, 'T0', 1]);
      }),
    );

    it(
      'acknowledges a batch that was committed and of which nothing is left',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } });
        const { token } = await bench.claim();
        bench.last = token;
        await bench.store.empty(0, PRODUCT, token);
        await bench.stage({ values: { n: '1' } });
        expect((await bench.claim()).predecessor).toBe(token);
      }),
    );

    it(
      'lets a drain end that waited for it',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } });
        const watermarks = await bench.store.due.make({ kind: 'all' });
        await bench.store.empty(0, PRODUCT, 'T0');
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map());
      }),
    );

    it(
      'forgets what was written of its rows, deletions too',
      onBench(async (bench) => {
        await bench.stage({ kind: 'insert', version: '7', values: { n: '0' } });
        await bench.stage({ rowKey: bench.row(1), kind: 'delete', base: '1' });
        await bench.stage({ rowKey: other(bench), kind: 'insert', version: '7', values: { n: '0' } });
        await bench.flush();
        await bench.store.empty(0, PRODUCT, bench.last);
        expect([await bench.peek(), await bench.peek(bench.row(1))]).toEqual([{}, {}]);
        expect(await bench.peek(other(bench))).toMatchObject({ recent: { version: '7' } });
        expect(await bench.stage({ base: '1', version: '2' }, { rowKey: bench.row(1) })).toMatchObject({
          status: 'staged',
        });
      }),
    );

    it(
      'is not undone by a flush that had read the rows before',
      onBench(async (bench) => {
        await bench.stage({ kind: 'insert', version: '7', values: { n: '0' } });
        await bench.stage({ rowKey: other(bench), kind: 'insert', version: '7', values: { n: '0' } });
        const batch = await bench.claim();
        await bench.store.empty(0, PRODUCT, bench.last);
        await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
        await bench.end(batch);
        expect(await bench.peek()).toEqual({});
        expect(await bench.peek(other(bench))).toMatchObject({ recent: { version: '7' } });
        expect((await bench.store.stats()).pending).toEqual({ Product: 1 });
      }),
    );

    it(
      'discards its dead letters',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } }, { rowKey: other(bench), values: { n: '1' } });
        const batch = await bench.claim();
        const outcomes = new Map([...batch.records.keys()].map((rowKey) => [rowKey, conflicted]));
        await bench.store.acknowledge(0, batch.token, outcomes, []);
        expect(await bench.store.empty(0, PRODUCT, batch.token)).toEqual({ records: 0, dead: 1 });
        expect((await bench.store.deadLetters.list()).map(({ rowKey }) => rowKey)).toEqual([other(bench)]);
      }),
    );

    it(
      'remembers the calls that were answered before it, so that one that is sent again stages nothing',
      onBench(async (bench) => {
        const call = bench.call({ values: { n: '0' } });
        await stageOne(bench.store, call);
        await bench.store.empty(0, PRODUCT, 'T0');
        expect(await stageOne(bench.store, call)).toMatchObject({ status: 'staged' });
        expect(await bench.peek()).toEqual({});
      }),
    );

    it(
      'takes many rows',
      onBench(async (bench) => {
        bench.rules = { ...LATER, maxPending: 10_000 };
        const keys = Array.from({ length: 13_000 }, (_, number) =>
          rowKeyOf({ schema: 'public', table: 'product', key: [String(number)] }),
        );
        const rows = keys.filter((rowKey) => shardOf(rowKey, Bench.shards) === 0).slice(0, 3_000);
        for (let from = 0; from < rows.length; from += 1_000) {
          const part = rows.slice(from, from + 1_000);
          await bench.stage(...part.map((rowKey) => ({ rowKey, kind: 'increment' as const, deltas: { n: '1' } })));
        }
        expect(await bench.store.empty(0, PRODUCT, 'T0')).toEqual({ records: 3_000, dead: 0 });
        expect((await bench.store.stats()).pending).toEqual({});
      }),
    );
  });

  describe('emptying everything', () => {
    it(
      'leaves a shard that has to be adopted, by whatever database comes next',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } }, { rowKey: other(bench), values: { n: '1' } });
        await bench.claim();
        await bench.stage({ rowKey: bench.row(1), values: { n: '2' } });
        expect(await bench.store.empty(0, { kind: 'all' }, 'T0')).toEqual({ records: 3, dead: 0 });
        expect(await bench.stage({ values: { n: '3' } })).toEqual({ status: 'uninitialised', shards: [0] });
        expect(await bench.store.adopt(0, 'X0')).toBe('adopted');
        expect(await bench.stage({ values: { n: '4' } })).toMatchObject({ status: 'staged' });
        bench.last = 'X0';
        expect((await bench.claim()).records.size).toBe(1);
      }),
    );

    it(
      'finds nothing in a shard that was never adopted',
      onBench(async (bench) => {
        expect(await bench.store.empty(1, { kind: 'all' }, 'T0')).toEqual({ records: 0, dead: 0 });
        expect(await bench.store.empty(1, PRODUCT, 'T0')).toEqual({ records: 0, dead: 0 });
      }),
    );
  });
}
