import { setTimeout as pause } from 'node:timers/promises';
import type { ContractContext } from './bench.js';
import { fenceOne, stageOne, type StageCall } from './one-unit.js';

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
        await stageOne(bench.store, call);
        expect(await stageOne(bench.store, call)).toMatchObject({ status: 'staged', versions: new Map() });
        expect((await bench.dirty())?.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'remembers a call when its record has been written and is gone (C5)',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
        await stageOne(bench.store, call);
        await bench.flush();
        expect((await stageOne(bench.store, call)).status).toBe('staged');
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'remembers a call when its record has been annihilated (C5)',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'insert', version: '1', values: { name: '"a"' } });
        await stageOne(bench.store, call);
        await bench.stage({ kind: 'delete', base: '1' });
        expect((await stageOne(bench.store, call)).status).toBe('staged');
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'answers a call that is sent again as it was the first time, versions included',
      onBench(async (bench) => {
        await bench.stage({ kind: 'delete', base: '7' });
        const call = bench.call({ kind: 'insert', version: '1', values: { name: '"a"' } });
        const first = await stageOne(bench.store, call);
        expect(first).toMatchObject({ status: 'staged', versions: new Map([[bench.row(0), '8']]) });
        await bench.flush();
        expect(await stageOne(bench.store, call)).toEqual(first);
      }),
    );

    it(
      'never runs a call that was fenced before it arrived (C5)',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
        expect(await fenceOne(bench.store, call)).toEqual({ status: 'voided' });
        expect(await stageOne(bench.store, call)).toEqual({ status: 'voided' });
        expect(await bench.dirty()).toBeUndefined();
      }),
    );

    it(
      'answers a fence with the answer of the call, if that has run',
      onBench(async (bench) => {
        const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
        await stageOne(bench.store, call);
        expect(await fenceOne(bench.store, call)).toMatchObject({ status: 'staged', versions: new Map() });
        expect((await bench.dirty())?.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'remembers a refusal too: sent again under its id it stays refused, though there is room by now (R13)',
      onBench(async (bench) => {
        bench.rules = { ...bench.rules, maxPending: 1 };
        await bench.stage({ rowKey: bench.row(1), values: { name: '"a"' } });
        const call = bench.call({ values: { name: '"b"' } });
        const refused = await stageOne(bench.store, call);
        expect(refused.status).toBe('refused');
        await bench.flush();
        expect(await stageOne(bench.store, call)).toEqual(refused);
        expect(await fenceOne(bench.store, call)).toEqual(refused);
        expect((await stageOne(bench.store, { ...call, id: 'a new try' })).status).toBe('staged');
      }),
    );

    it(
      'remembers a call for a generation, and forgets it after two',
      onBench(
        async (bench) => {
          const call = bench.call({ kind: 'increment', deltas: { stock: '1' } });
          const other = { rowKey: bench.row(1), kind: 'increment', deltas: { stock: '1' } } as const;
          await stageOne(bench.store, call);
          await bench.stage(other);
          await stageOne(bench.store, call);
          expect((await bench.dirty())?.deltas).toEqual({ stock: '1' });
          await bench.stage(other);
          await stageOne(bench.store, call);
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
          await stageOne(bench.store, first);
          for (let calls = 1; calls <= 2; calls += 1) {
            await oldEnough();
            await stageOne(bench.store, many());
          }
          await stageOne(bench.store, first);
          expect(await stocks()).toBe('3');
          await stageOne(bench.store, many());
          await oldEnough();
          await stageOne(bench.store, many());
          await stageOne(bench.store, first);
          expect(await stocks()).toBe('6');
        },
        { seenMs: 4_000, seenCalls: 2 },
      ),
    );
  });
}
