import { rowKeyOf } from '../../change/row-key.js';
import { shardOf } from '../../change/row-key.js';
import { again, AT_ONCE, Bench, LATER, rejected, type ContractContext } from './bench.js';

/** Due times and drains. */
export function drainContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('due records', () => {
    it(
      'tell how long each shard can wait, and wait no longer than the first change may',
      onBench(async (bench) => {
        expect(await bench.store.due.next()).toEqual(Array.from({ length: Bench.shards }));
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } });
        const [wait] = await bench.store.due.next();
        expect(wait).toBeGreaterThan(500_000);
        expect(wait).toBeLessThanOrEqual(600_000);
        bench.rules = { ...LATER, maxDelayMs: 0 };
        await bench.stage({ values: { n: '1' } });
        expect((await bench.store.due.next())[0]).toBe(0);
        await bench.claim();
        expect((await bench.store.due.next())[0]).toBe(0);
      }),
    );

    it(
      'are what a drain has marked, before anything else',
      onBench(async (bench) => {
        await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } });
        expect(await bench.store.due.make({ kind: 'rows', keys: [bench.row(0)] })).toEqual(
          new Map([[0, { sequence: 2, putOff: 0, after: 'T0' }]]),
        );
        expect([...(await bench.claim(1)).records.keys()]).toEqual([bench.row(0)]);
      }),
    );

    it(
      'are all in the batch that follows the last one, which is named unless a batch is in flight',
      onBench(async (bench) => {
        bench.rules = LATER;
        const after = async (): Promise<string | undefined> =>
          (await bench.store.due.make({ kind: 'all' })).get(0)?.after;
        await bench.stage({ rowKey: bench.row(0), values: { n: '0' } });
        expect(await after()).toBe('T0');
        const first = await bench.claim();
        expect(first.predecessor).toBe('T0');
        await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
        expect(await after()).toBeUndefined();
        await bench.end(first);
        expect(await after()).toBe(first.token);
        const next = await bench.claim();
        expect([next.predecessor, ...next.records.keys()]).toEqual([first.token, bench.row(1)]);
      }),
    );

    it(
      'stay marked when they are changed again (H12)',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } });
        const watermarks = await bench.store.due.make({ kind: 'all' });
        await bench.stage({ values: { n: '1' } });
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map([[0, 'untried']]));
        await bench.flush();
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map());
      }),
    );

    it(
      'are named where somebody has to write them himself: what was made due, and what is in flight; or all that is pending',
      onBench(async (bench) => {
        bench.rules = LATER;
        const [flown, due, later] = [bench.row(0), bench.row(1), bench.row(2)];
        await bench.stage({ rowKey: flown, values: { n: '0' } });
        await bench.store.due.make({ kind: 'all' });
        await bench.claim();
        await bench.stage({ rowKey: due, values: { n: '1' } });
        const shards = [...(await bench.store.due.make({ kind: 'all' })).keys()];
        await bench.stage({ rowKey: later, values: { n: '2' } });
        expect(new Set(await bench.store.due.rows({ kind: 'all' }, shards))).toEqual(new Set([flown, due]));
        const pending = await bench.store.due.rows({ kind: 'all' }, shards, 'pending');
        expect(new Set(pending)).toEqual(new Set([flown, due, later]));
        const elsewhere = { kind: 'tables', tables: [{ schema: 'public', table: 'nothing' }] } as const;
        expect(await bench.store.due.rows(elsewhere, shards)).toEqual([]);
        expect(await bench.store.due.rows(elsewhere, shards, 'pending')).toEqual([]);
        expect(await bench.store.due.rows({ kind: 'all' }, [])).toEqual([]);
      }),
    );

    it(
      'end a drain though new changes go on arriving (H12)',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } });
        const watermarks = await bench.store.due.make({ kind: 'all' });
        await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
        const batch = await bench.claim();
        expect([...batch.records.keys()]).toEqual([bench.row(0)]);
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map([[0, 'untried']]));
        await bench.end(batch);
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map());
      }),
    );

    it(
      'are tried once by a drain: what comes back waits for its own time, and the drain can tell (H12)',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } });
        const watermarks = await bench.store.due.make({ kind: 'all' });
        await bench.flush({ 0: { ...again, delayMs: 60_000 } as typeof again });
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map([[0, 'put-off']]));
        expect((await bench.store.due.next())[0]).toBeGreaterThan(50_000);
      }),
    );

    it(
      'that the sink has refused keep their pause, whatever is drained, unless something newer is staged',
      onBench(async (bench) => {
        const waits = { ...again, delayMs: 600_000 } as typeof again;
        await bench.stage({ values: { n: '0' } });
        await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
        await bench.flush({ 0: waits, 1: { ...waits, attempts: 0 } as typeof again });
        // Row 1 only waits, so it is made due. Row 0 was refused, so it is not.
        const marks = await bench.store.due.make({ kind: 'all' });
        expect(marks.get(0)).toMatchObject({ paused: 'some' });
        expect([...(await bench.flush()).records.keys()]).toEqual([bench.row(1)]);
        expect(await bench.store.due.pending(marks)).toEqual(new Map());
        for (const scope of [{ kind: 'all' }, { kind: 'rows', keys: [bench.row(0)] }] as const) {
          expect((await bench.store.due.make(scope)).get(0)).toMatchObject({ paused: 'all' });
          expect((await bench.store.due.next())[0]).toBeGreaterThan(500_000);
        }
        await bench.stage({ values: { n: '2' } });
        expect((await bench.store.due.make({ kind: 'all' })).get(0)?.paused).toBeUndefined();
        expect([...(await bench.flush()).records.keys()]).toEqual([bench.row(0)]);
      }),
    );

    it(
      'that somebody has paused keep their pause, unblamed, until all pauses are ended',
      onBench(async (bench) => {
        const waits = { ...again, attempts: 0, delayMs: 600_000, keepsPause: true } as typeof again;
        for (const row of [0, 1, 2]) await bench.stage({ rowKey: bench.row(row), values: { n: String(row) } });
        await bench.flush({ 0: waits, 1: waits });
        expect((await bench.store.due.make({ kind: 'all' })).get(0)).toMatchObject({ paused: 'all' });
        await bench.store.due.endPauses();
        expect((await bench.store.due.next())[0]).toBe(0);
        const { records } = await bench.flush();
        expect([...records.keys()].toSorted()).toEqual([bench.row(0), bench.row(1)].toSorted());
        expect([...records.values()].map(({ attempts }) => attempts)).toEqual([0, 0]);
        await bench.store.due.endPauses();
        expect((await bench.store.due.next())[0]).toBeUndefined();
      }),
    );

    it(
      'that the sink has refused are made due as any others when their pause is over',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } });
        await bench.flush({ 0: again });
        while ((await bench.store.due.next())[0] !== 0);
        expect((await bench.store.due.make({ kind: 'all' })).get(0)?.paused).toBeUndefined();
        expect([...(await bench.flush()).records.keys()]).toEqual([bench.row(0)]);
      }),
    );

    it(
      'have come back if something newer of the row has taken up what the sink refused (H12)',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ kind: 'increment', deltas: { n: '1' } });
        const watermarks = await bench.store.due.make({ kind: 'all' });
        const batch = await bench.claim();
        await bench.stage({ kind: 'increment', deltas: { n: '2' } });
        await bench.end(batch, { 0: rejected });
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map([[0, 'put-off']]));
        expect(await bench.dirty()).toMatchObject({ deltas: { n: '3' } });
      }),
    );

    it(
      'that came back before a drain, or were not of any drain, are no news to it',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ values: { n: '0' } });
        await bench.store.due.make({ kind: 'all' });
        await bench.flush({ 0: again });
        const watermarks = await bench.store.due.make({ kind: 'all' });
        await bench.flush();
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map());

        bench.rules = AT_ONCE;
        await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
        const batch = await bench.claim();
        bench.rules = LATER;
        await bench.stage({ values: { n: '2' } });
        const later = await bench.store.due.make({ kind: 'rows', keys: [bench.row(0)] });
        await bench.end(batch, { 1: { ...again, delayMs: 60_000 } as typeof again });
        expect(await bench.store.due.pending(later)).toEqual(new Map([[0, 'untried']]));
        await bench.flush();
        expect(await bench.store.due.pending(later)).toEqual(new Map());
      }),
    );

    it(
      'include a batch in flight that holds rows of the scope',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } });
        const batch = await bench.claim();
        expect(await bench.store.due.make({ kind: 'rows', keys: [bench.row(1)] })).toEqual(new Map());
        const watermarks = await bench.store.due.make({ kind: 'rows', keys: [bench.row(0)] });
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map([[0, 'untried']]));
        await bench.end(batch);
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map());
      }),
    );

    it(
      'of a table are told from those of tables whose names begin alike',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage(
          { values: { n: '0' } },
          { rowKey: bench.row(0, 'product_price'), values: { n: '1' } },
          { rowKey: bench.row(0, 'pro"duct'), values: { n: '2' } },
        );
        await bench.store.due.make({ kind: 'tables', tables: [{ schema: 'public', table: 'product' }] });
        expect([...(await bench.flush()).records.keys()]).toEqual([bench.row(0)]);
        await bench.store.due.make({
          kind: 'tables',
          tables: [
            { schema: 'public', table: 'pro"duct' },
            { schema: 'other', table: 'product_price' },
          ],
        });
        expect([...(await bench.flush()).records.keys()]).toEqual([bench.row(0, 'pro"duct')]);
      }),
    );

    it(
      'of a table are asked for before they are drained: while they are dirty and while they are in flight',
      onBench(async (bench) => {
        bench.rules = LATER;
        const product = {
          kind: 'tables' as const,
          tables: [{ schema: 'public', table: 'product' }],
          others: ['Price'],
        };
        const price = { ...product, tables: [{ schema: 'public', table: 'price' }], others: ['Product'] };
        const anyOf = async (): Promise<readonly boolean[]> =>
          Promise.all([bench.store.due.any(product), bench.store.due.any(price)]);
        expect(await anyOf()).toEqual([false, false]);
        await bench.stage({ values: { n: '0' } });
        expect(await anyOf()).toEqual([true, false]);
        await bench.store.due.make(product);
        const batch = await bench.claim();
        expect(await anyOf()).toEqual([true, false]);
        await bench.end(batch);
        expect(await anyOf()).toEqual([false, false]);
        // The scope does not name this entity: another release may give the rows of the table this name.
        await bench.stage({ entity: 'Article', rowKey: bench.row(1), values: { n: '0' } });
        expect(await bench.store.due.any(product)).toBe(true);
      }),
    );

    it(
      'are many',
      onBench(async (bench) => {
        bench.rules = { ...LATER, maxPending: 10_000 };
        const keys = Array.from({ length: 13_000 }, (_, number) =>
          rowKeyOf({ schema: 'public', table: 'many', key: [String(number)] }),
        );
        const rows = keys.filter((rowKey) => shardOf(rowKey, Bench.shards) === 0).slice(0, 3_000);
        for (let from = 0; from < rows.length; from += 1_000) {
          await bench.stage(
            ...rows
              .slice(from, from + 1_000)
              .map((rowKey) => ({ rowKey, kind: 'increment' as const, deltas: { n: '1' } })),
          );
        }
        const made = await bench.store.due.make({ kind: 'tables', tables: [{ schema: 'public', table: 'many' }] });
        expect(made.get(0)).toMatchObject({ sequence: 3_000, putOff: 0 });
        const batch = await bench.claim(5_000);
        expect(batch.records.size).toBe(3_000);
        await bench.end(batch);
        expect((await bench.store.stats()).pending).toEqual({});
        bench.rules = AT_ONCE;
      }),
    );
  });
}
