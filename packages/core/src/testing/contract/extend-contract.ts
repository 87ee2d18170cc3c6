import type { Outcome } from '../../change/outcome.js';
import type { RowKey } from '../../change/row-key.js';
import type { Batch, Extension } from '../../staging/flush-side.js';
import { again, type Bench, type ContractContext, LATER } from './bench.js';

const APPLIED: Outcome = { kind: 'applied' };
const REFUSED = { token: 'T9', predecessor: 'T0', limit: 100 };

/** Claims rows by name, whenever they are due. */
async function claimRows(bench: Bench, ...rows: readonly RowKey[]): Promise<Batch> {
  const claim = await bench.store.claim(0, { token: 'T1', predecessor: bench.last, limit: 100, rows });
  if (claim.status !== 'batch') throw new Error(`Expected a batch, not ${claim.status}`);
  return claim.batch;
}

async function extend(
  { store }: Bench,
  { token, attempts }: Batch,
  rows: readonly RowKey[],
  outcomes: ReadonlyMap<RowKey, Outcome> = new Map(),
): Promise<Extension | undefined> {
  return store.extend(0, { token, attempts, outcomes, rows });
}

/** Claims of named rows, for a transaction of the application, and the records that it adds to its batch later. */
export function extendContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('a claim of named rows', () => {
    it(
      'takes them, due or not, and no others',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ kind: 'insert', rowKey: bench.row(0) }, { kind: 'insert', rowKey: bench.row(1) });
        const batch = await claimRows(bench, bench.row(1), bench.row(2));
        expect([...batch.records.keys()]).toEqual([bench.row(1)]);
        expect(await bench.dirty(bench.row(0))).toMatchObject({ kind: 'insert' });
        expect(await bench.dirty(bench.row(1))).toBeUndefined();
      }),
    );

    it(
      'finds nothing where none of them is dirty, whatever is due',
      onBench(async (bench) => {
        await bench.stage({ kind: 'insert', rowKey: bench.row(0) });
        const claim = await bench.store.claim(0, { ...REFUSED, rows: [bench.row(1)] });
        expect(claim).toEqual({ status: 'nothing' });
        expect((await bench.claim()).records.size).toBe(1);
      }),
    );

    it(
      'is waited for by a drain that has marked them',
      onBench(async (bench) => {
        bench.rules = LATER;
        await bench.stage({ kind: 'insert', rowKey: bench.row(0) });
        const marks = await bench.store.due.make({ kind: 'all' });
        const batch = await claimRows(bench, bench.row(0));
        expect(await bench.store.due.pending(marks)).toEqual(new Map([[0, 'untried']]));
        await bench.end(batch);
        expect(await bench.store.due.pending(marks)).toEqual(new Map());
      }),
    );

    it(
      'hands out the batch in flight as any other does',
      onBench(async (bench) => {
        await bench.stage({ kind: 'insert', rowKey: bench.row(0) });
        const first = await bench.claim();
        const second = await claimRows(bench, bench.row(3));
        expect([second.token, second.attempts]).toEqual([first.token, 2]);
        expect([...second.records.keys()]).toEqual([bench.row(0)]);
      }),
    );
  });

  describe('a batch that is extended', () => {
    it(
      'C3: gets what is dirty of the rows, merged with what is in flight, and hands out both as one',
      onBench(async (bench) => {
        await bench.stage({ kind: 'update', base: '1', version: '2', values: { a: '1' }, deltas: { n: '2' } });
        const batch = await bench.claim();
        await bench.stage({ kind: 'update', base: '2', version: '3', values: { b: '2' }, deltas: { n: '3' } });
        bench.rules = LATER;
        await bench.stage({ kind: 'insert', rowKey: bench.row(1), values: { a: '9' } });
        const extension = await extend(bench, batch, [bench.row(0), bench.row(1), bench.row(2)]);
        expect(extension?.part).toBe(1);
        expect([...(extension?.added.keys() ?? [])]).toEqual([bench.row(0), bench.row(1)]);
        expect(extension?.added.get(bench.row(0))?.before).toMatchObject({ version: '2', deltas: { n: '2' } });
        expect(extension?.added.get(bench.row(0))?.record).toMatchObject({
          base: '2',
          version: '3',
          deltas: { n: '3' },
        });
        expect(extension?.added.get(bench.row(1))?.before).toBeUndefined();
        const whole = await bench.claim();
        expect(whole.records.get(bench.row(0))).toMatchObject({
          base: '1',
          version: '3',
          values: { a: '1', b: '2' },
          deltas: { n: '5' },
        });
        expect(whole.added).toEqual(
          new Map([
            [bench.row(0), 1],
            [bench.row(1), 1],
          ]),
        );
        expect(await bench.peek()).toMatchObject({ inFlight: { token: 'T1', part: 1, record: { version: '3' } } });
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'C3: ends with what its outcome covers; what was added later is dirty again',
      onBench(async (bench) => {
        await bench.stage({ kind: 'update', base: '1', version: '2', deltas: { n: '2' } });
        const batch = await bench.claim();
        await bench.stage({ kind: 'update', base: '2', version: '3', deltas: { n: '3' } });
        await extend(bench, batch, [bench.row(0)]);
        const written = new Map<RowKey, Outcome>([[bench.row(0), { ...APPLIED, part: 1 }]]);
        await bench.stage({ kind: 'update', base: '3', version: '4', deltas: { n: '4' } });
        await bench.stage({ kind: 'insert', rowKey: bench.row(1) });
        await extend(bench, batch, [bench.row(0), bench.row(1)], written);
        await bench.end(batch, { 0: { ...APPLIED, part: 1 } });
        expect(await bench.peek()).toMatchObject({ dirty: { base: '3', version: '4', deltas: { n: '4' } } });
        expect((await bench.peek()).recent).toEqual({ version: '3', deleted: false });
        expect(await bench.dirty(bench.row(1))).toMatchObject({ kind: 'insert' });
        expect((await bench.store.stats()).pending).toEqual({ Product: 2 });
        const next = await bench.flush();
        expect([...next.records.keys()].toSorted()).toEqual([bench.row(0), bench.row(1)].toSorted());
        expect((await bench.store.stats()).pending['Product'] ?? 0).toBe(0);
      }),
    );

    it(
      'C3: tells a drain that what it has marked is dirty again, since no outcome covers it (H12)',
      onBench(async (bench) => {
        await bench.stage({ kind: 'update', base: '1', version: '2' });
        const batch = await bench.claim();
        bench.rules = LATER;
        await bench.stage({ kind: 'insert', rowKey: bench.row(1) });
        const marks = await bench.store.due.make({ kind: 'rows', keys: [bench.row(1)] });
        await extend(bench, batch, [bench.row(1)]);
        expect(await bench.store.due.pending(marks)).toEqual(new Map([[0, 'untried']]));
        await bench.end(batch);
        expect(await bench.store.due.pending(marks)).toEqual(new Map([[0, 'put-off']]));
      }),
    );

    it(
      'C3: forgets a part that was thrown away when it is extended again',
      onBench(async (bench) => {
        const other = bench.row(0, 'product_price');
        await bench.stage({ kind: 'insert', rowKey: other });
        const batch = await bench.claim();
        await bench.stage({ kind: 'insert', rowKey: bench.row(1) });
        await extend(bench, batch, [bench.row(1)]);
        await bench.store.empty(0, { kind: 'tables', tables: [{ schema: 'public', table: 'product' }] }, 'T0');
        await extend(bench, batch, [bench.row(2)]);
        expect((await bench.claim()).added).toEqual(new Map());
      }),
    );

    it(
      'C3: puts what is not covered under what has become dirty since',
      onBench(async (bench) => {
        await bench.stage({ kind: 'increment', deltas: { n: '1' } });
        const batch = await bench.claim();
        await bench.stage({ kind: 'increment', deltas: { n: '10' } });
        await extend(bench, batch, [bench.row(0)]);
        await bench.stage({ kind: 'increment', deltas: { n: '100' } });
        await bench.end(batch);
        expect(await bench.dirty()).toMatchObject({ deltas: { n: '110' } });
        expect((await bench.store.stats()).pending).toEqual({ Product: 1 });
      }),
    );

    it(
      'C3: adds anew what a rolled back part had added, under another number',
      onBench(async (bench) => {
        await bench.stage({ kind: 'increment', deltas: { n: '1' } });
        const batch = await bench.claim();
        await bench.stage({ kind: 'increment', deltas: { n: '10' } }, { kind: 'insert', rowKey: bench.row(1) });
        await extend(bench, batch, [bench.row(0), bench.row(1)]);
        const second = await extend(bench, batch, [bench.row(0)]);
        expect(second?.part).toBe(2);
        expect(second?.added.get(bench.row(0))).toMatchObject({
          before: { deltas: { n: '1' } },
          record: { deltas: { n: '10' } },
        });
        expect(await bench.dirty(bench.row(1))).toMatchObject({ kind: 'insert' });
        expect((await bench.store.stats()).inFlight).toBe(1);
        await bench.end(batch, { 0: { ...APPLIED, part: 2 } });
        expect(await bench.dirty()).toBeUndefined();
        expect((await bench.store.stats()).pending).toEqual({ Product: 1 });
      }),
    );

    it(
      'C3: is covered as a whole by outcomes that name every part: nothing comes back',
      onBench(async (bench) => {
        await bench.stage({ kind: 'increment', deltas: { n: '1' } });
        const batch = await bench.claim();
        await bench.stage({ kind: 'increment', deltas: { n: '10' } });
        await extend(bench, batch, [bench.row(0)]);
        const whole = await bench.claim();
        expect(whole.records.get(bench.row(0))).toMatchObject({ deltas: { n: '11' } });
        await bench.end(whole, { 0: { ...again, part: 1 } });
        expect(await bench.dirty()).toMatchObject({ deltas: { n: '11' }, attempts: 1 });
      }),
    );

    it(
      'is refused to whoever holds another batch, or has been followed by somebody else',
      onBench(async (bench) => {
        await bench.stage({ kind: 'insert' });
        const batch = await bench.claim();
        await bench.stage({ kind: 'insert', rowKey: bench.row(1) });
        expect(await extend(bench, { ...batch, token: 'T8' }, [bench.row(1)])).toBeUndefined();
        await bench.claim();
        expect(await extend(bench, batch, [bench.row(1)])).toBeUndefined();
        expect(await bench.dirty(bench.row(1))).toMatchObject({ kind: 'insert' });
      }),
    );
  });
}
