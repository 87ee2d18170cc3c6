import type { Change } from '../../change/change.js';
import { again, type ContractContext } from './bench.js';

const counts: Partial<Change> = { kind: 'increment', deltas: { stock: '1' } };
const drops: Partial<Change> = { ...counts, missing: 'drop' };
const makes = (name: string): Partial<Change> => ({ ...counts, missing: { create: { name } } });

/** Increments of a missing row, whatever they are coalesced with. */
export function missingContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('an increment that says what is done where its row is missing', () => {
    it(
      'is kept as it was staged, with an empty create too',
      onBench(async (bench) => {
        await bench.stage({ ...counts, missing: { create: {} } });
        await bench.stage({ ...drops, rowKey: bench.row(1) });
        await bench.stage({ ...counts, rowKey: bench.row(2) });
        expect(await bench.dirty()).toMatchObject({ kind: 'increment', values: {}, missing: { create: {} } });
        expect((await bench.dirty(bench.row(1)))?.missing).toBe('drop');
        expect((await bench.dirty(bench.row(2)))?.missing).toBeUndefined();
        const { records } = await bench.claim();
        expect(records.get(bench.row(0))?.missing).toEqual({ create: {} });
      }),
    );

    it(
      'makes the row of what came first, and drops it where all say so',
      onBench(async (bench) => {
        await bench.stage(makes('"first"'), makes('"second"'), counts);
        expect(await bench.dirty()).toMatchObject({ deltas: { stock: '3' }, missing: { create: { name: '"first"' } } });
        const rowKey = bench.row(1);
        await bench.stage({ ...drops, rowKey }, { ...drops, rowKey });
        expect((await bench.dirty(rowKey))?.missing).toBe('drop');
        await bench.stage({ ...counts, rowKey });
        expect((await bench.dirty(rowKey))?.missing).toBeUndefined();
        await bench.stage({ ...makes('"late"'), rowKey });
        expect((await bench.dirty(rowKey))?.missing).toEqual({ create: { name: '"late"' } });
      }),
    );

    it(
      'stays beside the values of an update or an upsert over it',
      onBench(async (bench) => {
        const rowKey = bench.row(1);
        await bench.stage(makes('"made"'), { base: '1', version: '2', values: { size: '5' } });
        await bench.stage({ ...makes('"made"'), rowKey }, { kind: 'upsert', rowKey, values: { size: '5' } });
        const kept = { values: { size: '5' }, deltas: { stock: '1' }, missing: { create: { name: '"made"' } } };
        expect(await bench.dirty()).toMatchObject({ kind: 'update', base: '1', version: '2', ...kept });
        expect(await bench.dirty(rowKey)).toMatchObject({ kind: 'upsert', ...kept });
      }),
    );

    it(
      'makes a deleted row anew, where it says so, and only there',
      onBench(async (bench) => {
        await bench.stage({ kind: 'delete', base: '5' });
        expect(await bench.stage(drops)).toMatchObject({ status: 'refused' });
        expect(await bench.stage(makes('"anew"'))).toMatchObject({ status: 'staged' });
        const anew = { kind: 'replace', base: '5', version: '6', values: { name: '"anew"' }, deltas: { stock: '1' } };
        expect(await bench.dirty()).toMatchObject(anew);
        expect((await bench.dirty())?.missing).toBeUndefined();
        await bench.flush();
        await bench.stage({ kind: 'delete', base: '6' });
        await bench.flush();
        expect(await bench.stage(counts)).toMatchObject({ status: 'refused' });
        expect(await bench.stage(makes('"again"'))).toMatchObject({ status: 'staged' });
        expect(await bench.dirty()).toMatchObject({ kind: 'increment', missing: { create: { name: '"again"' } } });
      }),
    );

    it(
      'keeps it when it comes back beneath something newer, and its delete takes it along',
      onBench(async (bench) => {
        await bench.stage(makes('"made"'));
        const batch = await bench.claim();
        await bench.stage({ values: { size: '5' } });
        await bench.end(batch, { 0: again });
        expect(await bench.dirty()).toMatchObject({ kind: 'update', missing: { create: { name: '"made"' } } });
        await bench.stage({ kind: 'delete' });
        expect(await bench.dirty()).toMatchObject({ kind: 'delete', values: {}, deltas: {} });
        expect((await bench.dirty())?.missing).toBeUndefined();
      }),
    );
  });
}
