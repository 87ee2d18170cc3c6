import { again, conflicted, LATER, rejected, type ContractContext } from './bench.js';

/** Claims, and the end of a batch. */
export function flushContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('claim and acknowledge', () => {
    it(
      'moves due records into a batch, up to the limit, and leaves what is not due',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } }, { rowKey: bench.row(1), values: { n: '1' } });
        bench.rules = LATER;
        await bench.stage({ rowKey: bench.row(2), values: { n: '2' } });
        const first = await bench.claim(1);
        expect(first.records.size).toBe(1);
        expect(first.attempts).toBe(1);
        await bench.end(first);
        expect((await bench.flush()).records.size).toBe(1);
        expect(await bench.store.claim(0, { token: 'T9', predecessor: bench.last, limit: 9 })).toEqual({
          status: 'nothing',
        });
        expect(await bench.dirty(bench.row(2))).toMatchObject({ values: { n: '2' } });
      }),
    );

    it(
      'hands out the batch in flight, and nothing else, until it has ended (C7)',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } });
        const first = await bench.claim();
        await bench.stage({ values: { n: '1' } });
        const second = await bench.claim();
        expect(second).toEqual({ ...first, attempts: 2, claimedAtMs: second.claimedAtMs });
        expect(second.claimedAtMs).toBeGreaterThan(first.claimedAtMs - 1);
        expect(await bench.peek()).toMatchObject({
          inFlight: { token: 'T1', record: { values: { n: '0' } } },
          dirty: { values: { n: '1' } },
        });
        await bench.end(second);
        expect(await bench.store.acknowledge(0, 'T1', new Map(), [])).toBe(false);
        expect((await bench.claim()).predecessor).toBe('T1');
      }),
    );

    it(
      'hands out nothing that is in flight to a caller that does not hold the shard',
      onBench(async (bench) => {
        const ahead = { predecessor: bench.last, limit: 9, isAhead: true };
        expect(await bench.store.claim(0, { ...ahead, token: 'T7' })).toEqual({ status: 'nothing' });
        await bench.stage({ values: { n: '0' } });
        expect(await bench.store.claim(0, { ...ahead, token: 'T8' })).toMatchObject({ batch: { token: 'T8' } });
        await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
        expect(await bench.store.claim(0, { ...ahead, token: 'T9' })).toEqual({ status: 'nothing' });
        expect(await bench.claim()).toMatchObject({ token: 'T8', attempts: 2 });
      }),
    );

    it(
      'tells whether a batch is as it was claimed',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } }, { rowKey: bench.row(0, 'other'), values: { n: '1' } });
        const first = await bench.claim();
        expect(await bench.store.isAsClaimed(0, first)).toBe(true);
        const second = await bench.claim();
        expect(await bench.store.isAsClaimed(0, first)).toBe(false);
        expect(await bench.store.isAsClaimed(0, second)).toBe(true);
        await bench.store.empty(0, { kind: 'tables', tables: [{ schema: 'public', table: 'other' }] }, bench.last);
        expect(await bench.store.isAsClaimed(0, second)).toBe(false);
        await bench.end(second);
        expect(await bench.store.isAsClaimed(0, second)).toBe(false);
        expect(await bench.store.isAsClaimed(1, second)).toBe(false);
      }),
    );

    it(
      'buries, keeps and retries each record as the ledger says, whoever acknowledges (C2)',
      onBench(async (bench) => {
        await bench.stage(...[0, 1, 2, 3].map((n) => ({ rowKey: bench.row(n), values: { n: String(n) } })));
        await bench.claim();
        await bench.flush({ 1: rejected, 2: again, 3: conflicted });
        expect(await bench.dirty()).toBeUndefined();
        expect(await bench.dirty(bench.row(2))).toMatchObject({ attempts: 1, values: { n: '2' } });
        const letters = await bench.store.deadLetters.list();
        const found = new Map(letters.map((letter) => [letter.rowKey, letter]));
        expect(found.size).toBe(2);
        expect(found.get(bench.row(1))).toMatchObject({ code: '23514', token: 'T1', record: { values: { n: '1' } } });
        expect(found.get(bench.row(3))).toMatchObject({
          code: 'CONFLICT',
          token: 'T1',
          record: { values: { n: '3' } },
        });
      }),
    );

    it(
      'leaves differences that were applied out of the dead letter',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { n: '0' }, deltas: { stock: '1' } });
        await bench.flush({ 0: { ...conflicted, counted: true } as typeof conflicted });
        expect((await bench.store.deadLetters.list())[0]?.record).toMatchObject({ values: { n: '0' }, deltas: {} });
      }),
    );

    it(
      'puts a record that comes back under the newer one (F13)',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { a: '1', b: '1' }, deltas: { stock: '1' } });
        const batch = await bench.claim();
        await bench.stage({ base: '6', version: '7', values: { b: '2' }, deltas: { stock: '2' } });
        await bench.end(batch, { 0: again });
        expect(await bench.dirty()).toMatchObject({
          base: '5',
          version: '7',
          values: { a: '1', b: '2' },
          deltas: { stock: '3' },
          attempts: 1,
          merged: 2,
        });
        expect((await bench.store.stats()).pending).toEqual({ Product: 1 });
      }),
    );

    it(
      'bases the newer change on the version that the row got (H1)',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { a: '1' } });
        const batch = await bench.claim();
        await bench.stage({ base: '6', version: '7', values: { b: '2' } });
        await bench.end(batch, { 0: { kind: 'version', version: '9' } });
        expect(await bench.dirty()).toMatchObject({ base: '9', version: '10' });
        expect((await bench.peek()).recent).toEqual({ version: '9', deleted: false });
      }),
    );

    it(
      'tries the newer change together with the one that was rejected, and buries nothing (H1)',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { a: 'bad', b: '1' } });
        const batch = await bench.claim();
        await bench.stage({ base: '6', version: '7', values: { a: 'good' } });
        await bench.end(batch, { 0: rejected });
        expect(await bench.dirty()).toMatchObject({ base: '5', version: '7', values: { a: 'good', b: '1' } });
        expect(await bench.store.deadLetters.list()).toEqual([]);
      }),
    );

    it(
      'lets the newer change see the conflict that overruled the older one (H1)',
      onBench(async (bench) => {
        for (const [row, outcome] of [
          [0, conflicted],
          [1, { kind: 'superseded', version: '9' }],
        ] as const) {
          const rowKey = bench.row(row);
          await bench.stage({ rowKey, base: '5', version: '6', values: { a: '1' } });
          const batch = await bench.claim();
          await bench.stage({ rowKey, base: '6', version: '7', values: { b: '2' } });
          await bench.end(batch, { [row]: outcome });
          expect(await bench.dirty(rowKey)).toMatchObject({ base: 'conflict', version: '10', values: { b: '2' } });
          await bench.flush({ [row]: { kind: 'superseded', version: '9' } });
        }
      }),
    );

    it(
      'keeps differences that are staged over a conflict as they are',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { a: '1' } });
        const batch = await bench.claim();
        await bench.stage({ kind: 'increment', deltas: { stock: '1' } });
        await bench.end(batch, { 0: conflicted });
        expect((await bench.dirty())?.base).toBeUndefined();
      }),
    );

    it(
      'never loses a delete that comes back under an insert (C4)',
      onBench(async (bench) => {
        await bench.stage({ kind: 'delete', base: '5' });
        const batch = await bench.claim();
        await bench.stage({ kind: 'insert', version: '1', values: { a: '1' } });
        await bench.end(batch, { 0: again });
        expect(await bench.dirty()).toMatchObject({ kind: 'replace', base: '5', version: '6' });
      }),
    );
  });
}
