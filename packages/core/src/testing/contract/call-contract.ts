import { setTimeout as pause } from 'node:timers/promises';
import type { StageCall } from '../../staging/stage-side.js';
import type { ContractContext } from './bench.js';

/** A generation that is full ends when it is a tenth of `seenMs` old. */
async function oldEnough(): Promise<void> {
  await pause(450);
}

/** Calls whose answers get lost. */
export function callContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('stage calls', () => {
    it(
      'applies a call once, however often it is sent',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
        await bench.store.stage(call);
        expect(await bench.store.stage(call)).toMatchObject({ status: 'staged', versions: new Map() });
        expect((await bench.dirty())?.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'remembers a call when its record has been written and is gone (C5)',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
        await bench.store.stage(call);
        await bench.flush();
        expect((await bench.store.stage(call)).status).toBe('staged');
        expect((await bench.store.check(call)).status).toBe('staged');
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'remembers a call when its record has been annihilated (C5)',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'insert', version: '1', values: { name: '"a"' } });
        await bench.store.stage(call);
        await bench.stage({ kind: 'delete', base: '1' });
        expect((await bench.store.stage(call)).status).toBe('staged');
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'answers a call that is sent again as it was the first time, versions included',
      onBench(async (bench) => {
        await bench.stage({ kind: 'delete', base: '7' });
        const call = bench.call({ kind: 'insert', version: '1', values: { name: '"a"' } });
        const first = await bench.store.stage(call);
        expect(first).toMatchObject({ status: 'staged', versions: new Map([[bench.row(0), '8']]) });
        await bench.flush();
        expect(await bench.store.stage(call)).toEqual(first);
      }),
    );

    it(
      'never runs a call that was fenced before it arrived (C5)',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
        expect(await bench.store.fence(0, call.id)).toEqual({ status: 'voided' });
        expect(await bench.store.stage(call)).toEqual({ status: 'voided' });
        expect(await bench.store.check(call)).toEqual({ status: 'voided' });
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'answers a fence with the answer of the call, if that has run',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
        await bench.store.stage(call);
        expect(await bench.store.fence(0, call.id)).toMatchObject({ status: 'staged', versions: new Map() });
        expect((await bench.dirty())?.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'keeps nothing of a refused call, which may be sent again under its id',
      onBench(async (bench) => {
        bench.rules = { ...bench.rules, maxPending: 1 };
        await bench.stage({ rowKey: bench.row(1), values: { name: '"a"' } });
        const call = bench.call({ values: { name: '"b"' } });
        expect((await bench.store.stage(call)).status).toBe('refused');
        await bench.flush();
        expect((await bench.store.stage(call)).status).toBe('staged');
      }),
    );

    it(
      'remembers a call for a generation, and forgets it after two',
      onBench(
        async (bench) => {
          const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
          const other = { rowKey: bench.row(1), kind: 'increment', deltas: { stock: '1' } } as const;
          await bench.store.stage(call);
          await bench.stage(other);
          await bench.store.stage(call);
          expect((await bench.dirty())?.deltas).toEqual({ stock: '1' });
          await bench.stage(other);
          await bench.store.stage(call);
          expect((await bench.dirty())?.deltas).toEqual({ stock: '2' });
        },
        { seenMs: 0 },
      ),
    );

    it(
      'ends a generation early after so many calls, however many changes they carry',
      onBench(
        async (bench) => {
          const many = (): StageCall =>
            bench.call(
              ...[0, 1, 2].map((row) => ({
                rowKey: bench.row(row),
                kind: 'increment' as const,
                deltas: { stock: '1' },
              })),
            );
          const first = many();
          const stocks = async (): Promise<string | undefined> => (await bench.dirty())?.deltas['stock'];
          await bench.store.stage(first);
          for (let calls = 1; calls <= 2; calls += 1) {
            await oldEnough();
            await bench.store.stage(many());
          }
          await bench.store.stage(first);
          expect(await stocks()).toBe('3');
          await bench.store.stage(many());
          await oldEnough();
          await bench.store.stage(many());
          await bench.store.stage(first);
          expect(await stocks()).toBe('6');
        },
        { seenMs: 4_000, seenCalls: 2 },
      ),
    );
  });
}
