import type { ContractContext } from './bench.js';

/** Broken chains: the store or the database has forgotten something. */
export function chainContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('the chain', () => {
    it(
      'hands nothing out when the database knows another batch than the last acknowledged one',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } });
        expect(await bench.store.claim(0, { token: 'T1', predecessor: 'TX', limit: 9 })).toEqual({
          status: 'broken',
          seen: { inFlight: '', last: 'T0' },
        });
        expect(await bench.dirty()).toMatchObject({ values: { n: '0' } });
      }),
    );

    it(
      'parks what is in flight and everything dirty, except what a version can settle (C1)',
      onBench(async (bench) => {
        await bench.stage(
          { kind: 'increment', deltas: { stock: '1' } },
          { rowKey: bench.row(1), base: '5', version: '6', values: { a: '1' } },
        );
        await bench.claim();
        await bench.stage({ rowKey: bench.row(1), base: '6', version: '7', values: { b: '2' } });
        await bench.stage({ rowKey: bench.row(2), kind: 'insert', version: '1', values: { n: '2' } });
        await bench.stage({ rowKey: bench.row(3), kind: 'delete', base: '4' });
        await bench.stage({
          rowKey: bench.row(4),
          base: '4',
          version: '5',
          values: { n: '4' },
          deltas: { stock: '1' },
        });
        expect(await bench.store.park(0, { inFlight: 'T1', last: 'T0' }, 'TX', 'park')).toEqual({
          parked: 3,
          doubtful: 2,
        });
        const letters = await bench.store.deadLetters.list();
        expect(new Set(letters.map((letter) => letter.rowKey))).toEqual(
          new Set([bench.row(0), bench.row(2), bench.row(4)]),
        );
        expect([...new Set(letters.map((letter) => letter.code))]).toEqual(['STAGING_LOSS']);
        expect(await bench.peek(bench.row(1))).toMatchObject({
          dirty: { base: '5', version: '7', values: { a: '1', b: '2' }, doubtful: true },
        });
        expect(await bench.dirty(bench.row(3))).toMatchObject({ kind: 'delete', doubtful: true });
        expect(await bench.store.stats()).toMatchObject({ pending: { Product: 2 }, inFlight: 0, dead: 3 });
        bench.last = 'TX';
        expect((await bench.claim()).records.size).toBe(2);
      }),
    );

    it(
      'parks nothing that has changed since the caller looked',
      onBench(async (bench) => {
        await bench.stage({ kind: 'increment', deltas: { stock: '1' } });
        expect(await bench.store.park(0, { inFlight: '', last: 'TY' }, 'TX', 'park')).toBe('moved');
        await bench.claim();
        expect(await bench.store.park(0, { inFlight: '', last: 'T0' }, 'TX', 'park')).toBe('moved');
        expect((await bench.peek()).inFlight?.record.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'keeps everything where the policy says so',
      onBench(async (bench) => {
        await bench.stage({ kind: 'increment', deltas: { stock: '1' } });
        await bench.claim();
        await bench.stage({ kind: 'increment', deltas: { stock: '2' } });
        expect(await bench.store.park(0, { inFlight: 'T1', last: 'T0' }, 'TX', 'apply')).toEqual({
          parked: 0,
          doubtful: 0,
        });
        expect(await bench.dirty()).toMatchObject({ deltas: { stock: '3' }, doubtful: false });
      }),
    );

    it(
      'keeps a record in doubt through further changes',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { a: '1' } });
        await bench.store.park(0, { inFlight: '', last: 'T0' }, 'TX', 'park');
        await bench.stage({ base: '6', version: '7', values: { b: '2' } });
        expect(await bench.dirty()).toMatchObject({ base: '5', version: '7', doubtful: true });
      }),
    );
  });
}
