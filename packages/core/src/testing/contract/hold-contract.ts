import { again, conflicted, rejected, type ContractContext } from './bench.js';
import { fenceOne } from './one-unit.js';

/** Changes of transactions that have not ended. */
export function holdContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('held changes', () => {
    it(
      'are seen by nobody, and claimed by nobody, before they are staged (F32, H13)',
      onBench(async (bench) => {
        const { id, answer } = await bench.hold('7', [], { base: '5', version: '6', values: { name: '"a"' } });
        expect(answer).toMatchObject({ status: 'staged', versions: new Map() });
        expect(await bench.dirty()).toBeUndefined();
        expect((await bench.store.due.next())[0]).toBeUndefined();
        expect((await bench.store.due.make({ kind: 'all' })).get(0)).toBeUndefined();
        expect((await bench.peek()).held).toMatchObject([{ id, transaction: '7', record: { version: '6' } }]);
        // A read skips its drain if the answer is no, so a held change counts, even of another entity.
        expect(await bench.store.due.any({ kind: 'tables', tables: [], others: ['Product'] })).toBe(true);
        expect(await bench.stageHeld(id)).toEqual([bench.row(0)]);
        expect(await bench.dirty()).toMatchObject({ base: '5', version: '6', values: { name: '"a"' }, first: 1 });
        expect((await bench.claim()).records.size).toBe(1);
        expect(await bench.store.held.list()).toEqual([]);
      }),
    );

    it(
      'are told to those who make records due, until they have ended',
      onBench(async (bench) => {
        const tables = [{ schema: 'public', table: 'product' }];
        const told = async (): Promise<readonly boolean[]> => {
          const scopes = [
            { kind: 'all' },
            { kind: 'tables', tables },
            { kind: 'tables', tables, others: ['Product', 'Price'] },
            { kind: 'rows', keys: [bench.row(0)] },
          ] as const;
          const heard: boolean[] = [];
          for (const [at, scope] of scopes.entries()) await bench.store.due.make(scope, () => (heard[at] = true));
          return scopes.map((_, at) => heard[at] === true);
        };
        expect(await told()).toEqual([false, false, false, false]);
        const { id } = await bench.hold('7', [], { kind: 'insert', version: '1', values: { name: '"a"' } });
        expect(await told()).toEqual([true, true, true, true]);
        await bench.stageHeld(id);
        expect(await told()).toEqual([false, false, false, false]);
      }),
    );

    it(
      'are gone when they are dropped, and so is every trace in the counts (F32)',
      onBench(async (bench) => {
        const { id } = await bench.hold('7', [], { kind: 'insert', version: '1', values: { name: '"a"' } });
        expect(await bench.store.stats()).toMatchObject({ held: 1, pending: {}, staged: 0 });
        expect(await bench.store.held.drop(0, [id, 'never'])).toBe(1);
        expect(await bench.store.held.drop(0, [id])).toBe(0);
        expect(await bench.peek()).toEqual({});
        expect(await bench.store.stats()).toMatchObject({ held: 0, pending: {}, staged: 0 });
      }),
    );

    it(
      'are refused for what stage would refuse them for, and then nothing of them is held',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6' });
        const stale = await bench.hold('7', [], { base: '5', version: '6' }, { rowKey: bench.row(1), base: '1' });
        expect(stale.answer).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(0), reason: 'stale', version: '6' }],
        });
        const exists = await bench.hold('7', [], { kind: 'insert', version: '1' });
        expect(exists.answer).toMatchObject({ refusals: [{ reason: 'exists' }] });
        expect(await bench.store.held.list()).toEqual([]);
      }),
    );

    it(
      'count against the most records, and against the most bytes',
      onBench(async (bench) => {
        bench.rules = { ...bench.rules, maxPending: 1, maxRecordBytes: 300 };
        await bench.hold('7', [], { kind: 'increment', deltas: { stock: '1' } });
        const other = { rowKey: bench.row(1), values: { name: '"b"' } };
        expect(await bench.stage(other)).toMatchObject({ refusals: [{ reason: 'full' }] });
        expect((await bench.hold('8', [], other)).answer).toMatchObject({ refusals: [{ reason: 'full' }] });
        const large = await bench.hold('7', ['call-1'], { values: { name: `"${'x'.repeat(400)}"` } });
        expect(large.answer).toMatchObject({ refusals: [{ reason: 'too-large' }] });
      }),
    );

    it(
      'keep everybody else away from their rows, until they are staged or dropped (H13)',
      onBench(async (bench) => {
        const change = { base: '5', version: '6', values: { name: '"a"' } };
        const first = await bench.hold('7', [], change);
        const held = { status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'held' }] };
        expect(await bench.stage(change)).toEqual(held);
        expect(await bench.stage({ kind: 'increment', deltas: { stock: '1' } })).toEqual(held);
        expect((await bench.hold('8', [], change)).answer).toEqual(held);
        await bench.store.held.drop(0, [first.id]);
        expect((await bench.hold('8', [], change)).answer.status).toBe('staged');
      }),
    );

    it(
      'of differences let differences pass, and add up to the same',
      onBench(async (bench) => {
        const one = { kind: 'increment', deltas: { stock: '1' } } as const;
        const mine = await bench.hold('7', [], one);
        const theirs = await bench.hold('8', [], one);
        expect((await bench.stage(one)).status).toBe('staged');
        expect((await bench.stage({ base: '5', version: '6' })).status).toBe('refused');
        await bench.stageHeld(theirs.id);
        expect((await bench.dirty())?.deltas).toEqual({ stock: '2' });
        await bench.stageHeld(mine.id);
        expect((await bench.dirty())?.deltas).toEqual({ stock: '3' });
      }),
    );

    it(
      'build on each other within their transaction, and end in their order',
      onBench(async (bench) => {
        const first = await bench.hold('7', [], { kind: 'insert', version: '1', values: { name: '"a"' } });
        const stale = await bench.hold('7', [first.id], { base: '3', version: '4' });
        expect(stale.answer).toMatchObject({ refusals: [{ reason: 'stale', version: '1' }] });
        const second = await bench.hold('7', [first.id], { base: '1', version: '2', values: { name: '"b"' } });
        await bench.stageHeld(second.id, first.id);
        expect(await bench.dirty()).toMatchObject({ kind: 'insert', version: '2', values: { name: '"b"' } });
      }),
    );

    it(
      'that were rolled back with a savepoint are not built upon',
      onBench(async (bench) => {
        const first = await bench.hold('7', [], { base: '5', version: '6', values: { name: '"a"' } });
        await bench.hold('7', [first.id], { base: '6', version: '7', values: { name: '"b"' } });
        const third = await bench.hold('7', [first.id], { base: '6', version: '7', values: { size: '1' } });
        expect(third.answer.status).toBe('staged');
        await bench.stageHeld(first.id, third.id);
        expect(await bench.dirty()).toMatchObject({ version: '7', values: { name: '"a"', size: '1' } });
        expect(await bench.store.stats()).toMatchObject({ held: 0 });
      }),
    );

    it(
      'are not staged where the transaction has written the row itself',
      onBench(async (bench) => {
        const { id } = await bench.hold(
          '7',
          [],
          { base: '5', version: '6' },
          { rowKey: bench.row(1), base: '1', version: '2' },
        );
        expect(await bench.store.held.stage(0, new Map([[id, [bench.row(1)]]]))).toEqual([bench.row(0)]);
        expect(await bench.dirty(bench.row(1))).toBeUndefined();
      }),
    );

    it(
      'are answered as the first time when they are sent again, and never run once fenced (C5)',
      onBench(async (bench) => {
        const call = { ...bench.call({ kind: 'increment', deltas: { stock: '1' } }), transaction: '7', standing: [] };
        await bench.store.held.hold(call);
        expect(await bench.store.held.hold(call)).toMatchObject({ status: 'staged', versions: new Map() });
        expect(await fenceOne(bench.store, call)).toMatchObject({ status: 'staged', versions: new Map() });
        await bench.stageHeld(call.id);
        expect((await bench.dirty())?.deltas).toEqual({ stock: '1' });
        const late = { ...bench.call({ kind: 'increment', deltas: { stock: '1' } }), transaction: '7', standing: [] };
        await fenceOne(bench.store, late);
        expect(await bench.store.held.hold(late)).toEqual({ status: 'voided' });
      }),
    );

    it(
      'lie on what was dirty when that is written meanwhile, and are told what became of it (H1)',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { name: '"a"' } });
        const { id } = await bench.hold('7', [], { base: '6', version: '7', values: { size: '1' } });
        await bench.flush({ 0: { kind: 'version', version: '9' } });
        await bench.stageHeld(id);
        expect(await bench.dirty()).toMatchObject({ base: '9', version: '10', values: { size: '1' } });
      }),
    );

    it(
      'see a conflict of what they lie on, never a version that happens to be the same (H1)',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { name: '"a"' } });
        const { id } = await bench.hold('7', [], { base: '6', version: '7', values: { size: '1' } });
        await bench.flush({ 0: conflicted });
        await bench.stageHeld(id);
        expect(await bench.dirty()).toMatchObject({ base: 'conflict', values: { size: '1' } });
      }),
    );

    it(
      'lie on what was put off, or was rejected while something newer waited above it',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { name: '"a"' } });
        const { id } = await bench.hold('7', [], { base: '6', version: '7', values: { size: '1' } });
        await bench.flush({ 0: again });
        await bench.stageHeld(id);
        await bench.flush({ 0: rejected });
        expect(await bench.dirty()).toBeUndefined();
        expect((await bench.store.deadLetters.list())[0]?.record).toMatchObject({ base: '5', version: '7' });
      }),
    );

    it(
      'are parked with everything else where Redis may have forgotten that they were staged, unless a version settles it',
      onBench(async (bench) => {
        const settled = await bench.hold('7', [], { base: '5', version: '6', values: { name: '"a"' } });
        const doubtful = await bench.hold('8', [], {
          rowKey: bench.row(1),
          kind: 'increment',
          deltas: { stock: '1' },
        });
        await bench.store.park(0, { inFlight: '', last: 'T0' }, 'T1', 'park');
        await bench.stageHeld(settled.id, doubtful.id);
        expect(await bench.dirty()).toMatchObject({ base: '5', version: '6', doubtful: true });
        expect(await bench.dirty(bench.row(1))).toBeUndefined();
        expect(await bench.store.deadLetters.list()).toMatchObject([
          { code: 'STAGING_LOSS', record: { deltas: { stock: '1' } } },
        ]);
      }),
    );

    it(
      'are thrown away with everything else of their table',
      onBench(async (bench) => {
        const { id } = await bench.hold('7', [], { base: '5', version: '6' });
        const tables = [{ schema: 'public', table: 'product' }];
        await bench.store.empty(0, { kind: 'tables', tables }, 'T0');
        expect(await bench.store.stats()).toMatchObject({ held: 0 });
        expect(await bench.stageHeld(id)).toEqual([]);
        await bench.hold('7', [], { base: '5', version: '6' });
        await bench.store.empty(0, { kind: 'all' }, 'T0');
        await bench.store.adopt(0, 'T0');
        expect(await bench.peek()).toEqual({});
        expect(await bench.store.held.list()).toEqual([]);
      }),
    );

    it(
      'are listed with their transaction',
      onBench(async (bench) => {
        const { id } = await bench.hold('7', [], { base: '5', version: '6' });
        expect(await bench.store.held.list()).toMatchObject([{ shard: 0, id, transaction: '7' }]);
      }),
    );

    it(
      'are refused by a shard that nobody has adopted (H14)',
      onBench(async (bench) => {
        const change = { ...bench.call({ rowKey: bench.row(0, 'product', 1) }), shard: 1 };
        expect(await bench.store.held.hold({ ...change, transaction: '7', standing: [] })).toEqual({
          status: 'uninitialised',
          shards: [1],
        });
        expect(await bench.store.held.stage(1, new Map([['x', []]]))).toEqual([]);
        expect(await bench.store.held.drop(1, ['x'])).toBe(0);
      }),
    );
  });
}
