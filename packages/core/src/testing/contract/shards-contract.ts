import type { Claim, ClaimRequest } from '../../staging/flush-side.js';
import type { Outcome } from '../../change/outcome.js';
import { again, type Bench, LATER, rejected, type ContractContext } from './bench.js';

/** What is asked of several shards at one time: each answers for itself. */
export function shardsContract({ describe, it, expect, onBench }: ContractContext): void {
  /** A row of each of shards 0 to 2, which are adopted; shard 3 is not. */
  const inThree = async (bench: Bench): Promise<void> => {
    for (const shard of [1, 2]) await bench.store.adopt(shard, 'T0');
    const rows = [0, 1, 2].map((shard) => bench.row(0, 'product', shard));
    // The shards may be on several servers, and a group is of one.
    for (const rowKey of rows) await bench.stage({ rowKey, values: { n: '0' } });
  };

  describe('several shards at one time', () => {
    it(
      'are made due, and looked at, each for itself',
      onBench(async (bench) => {
        bench.rules = LATER;
        await inThree(bench);
        await bench.stage({ rowKey: bench.row(1, 'product', 1), values: { n: '1' } });
        await bench.store.due.make({ kind: 'rows', keys: [bench.row(0)] });
        await bench.flush({ 0: { ...again, delayMs: 600_000 } as typeof again });
        const watermarks = await bench.store.due.make({ kind: 'all' });
        expect(watermarks).toEqual(
          new Map([
            [0, { sequence: 1, putOff: 1, after: 'T1', paused: 'all' }],
            [1, { sequence: 2, putOff: 0, after: 'T0' }],
            [2, { sequence: 1, putOff: 0, after: 'T0' }],
            // A drain has its flush adopt it.
            [3, { sequence: 0, putOff: 0 }],
          ]),
        );
        await bench.store.claim(2, { token: 'T1', predecessor: 'T0', limit: 9 });
        expect(await bench.store.due.pending(watermarks)).toEqual(
          new Map([
            [1, 'untried'],
            [2, 'untried'],
          ]),
        );
        await bench.store.acknowledge(2, 'T1', new Map(), []);
        expect(await bench.store.due.pending(watermarks)).toEqual(new Map([[1, 'untried']]));
        expect(await bench.store.due.next()).toMatchObject({ 1: 0, 2: undefined, 3: undefined });
      }),
    );

    it(
      'say how much waits in them, and how old the oldest of each entity is; one that is not adopted says nothing',
      onBench(async (bench) => {
        await inThree(bench);
        await bench.flush({ 0: rejected });
        await bench.stage({ rowKey: bench.row(5), values: { n: '0' } });
        await bench.store.claim(2, { token: 'T1', predecessor: 'T0', limit: 9 });
        const depths = await bench.store.depths();
        expect(depths.map(({ shard }) => shard)).toEqual([0, 1, 2]);
        expect(depths).toMatchObject([
          { dirty: 1, inFlight: 0, dead: 1 },
          { dirty: 1, inFlight: 0, dead: 0 },
          { dirty: 0, inFlight: 1, dead: 0, oldestMs: {} },
        ]);
        const ages = depths.slice(0, 2).map(({ oldestMs }) => oldestMs['Product'] ?? -1);
        expect(ages.filter((age) => age < 0)).toEqual([]);
      }),
    );

    it(
      'hand out their batches, and tell if those are as they were claimed, each for itself',
      onBench(async (bench) => {
        await inThree(bench);
        const claim = async (shard: number, predecessor: string): Promise<Claim> =>
          bench.store.claim(shard, { token: `${predecessor}+`, predecessor, limit: 9 });
        const claims = await Promise.all([claim(0, 'T0'), claim(1, 'TX'), claim(2, 'T0'), claim(3, 'T0')]);
        expect(claims).toMatchObject([
          { status: 'batch', batch: { shard: 0, token: 'T0+', predecessor: 'T0', attempts: 1 } },
          { status: 'broken', seen: { inFlight: '', last: 'T0' } },
          { status: 'batch', batch: { shard: 2, token: 'T0+', predecessor: 'T0', attempts: 1 } },
          { status: 'uninitialised' },
        ]);
        const batches = claims.flatMap((each) => (each.status === 'batch' ? [each.batch] : []));
        expect(batches.map(({ records }) => [...records.keys()])).toEqual([
          [bench.row(0)],
          [bench.row(0, 'product', 2)],
        ]);
        expect(await claim(2, 'T0')).toMatchObject({ batch: { attempts: 2 } });
        expect(await Promise.all(batches.map(async (batch) => bench.store.isAsClaimed(batch.shard, batch)))).toEqual([
          true,
          false,
        ]);
      }),
    );

    it(
      'hand out rows that are named, each its own, and those of one shard in the order of the claims',
      onBench(async (bench) => {
        bench.rules = LATER;
        await inThree(bench);
        const named = (shard: number): ClaimRequest => ({
          token: `T${shard}+`,
          predecessor: 'T0',
          limit: 9,
          rows: [0, 1, 2].map((each) => bench.row(0, 'product', each)).filter((_, each) => each >= shard),
        });
        const claims = await Promise.all([
          bench.store.claim(1, named(1)),
          bench.store.claim(0, { token: 'T0+', predecessor: 'T0', limit: 9 }),
          bench.store.claim(2, named(0)),
          bench.store.claim(2, named(1)),
        ]);
        expect(claims).toMatchObject([
          { batch: { token: 'T1+' } },
          { status: 'nothing' },
          { batch: { token: 'T0+', attempts: 1 } },
          { batch: { token: 'T0+', attempts: 2 } },
        ]);
        expect(claims.map((each) => (each.status === 'batch' ? [...each.batch.records.keys()] : []))).toEqual([
          [bench.row(0, 'product', 1)],
          [],
          [bench.row(0, 'product', 2)],
          [bench.row(0, 'product', 2)],
        ]);
      }),
    );

    it(
      'end their batches, each for itself',
      onBench(async (bench) => {
        await inThree(bench);
        for (const shard of [0, 1, 2]) await bench.store.claim(shard, { token: 'T1', predecessor: 'T0', limit: 9 });
        const end = async (shard: number, token: string, outcome?: Outcome): Promise<boolean> => {
          const rowKey = bench.row(0, 'product', shard);
          return bench.store.acknowledge(shard, token, new Map(outcome && [[rowKey, outcome]]), [rowKey]);
        };
        const ends = [end(0, 'T1', rejected), end(1, 'TX'), end(2, 'T1'), end(3, 'T1')];
        expect(await Promise.all(ends)).toEqual([true, false, true, false]);
        expect(await Promise.all([0, 1, 2, 3].map(async (shard) => bench.store.chain(shard)))).toEqual([
          { inFlight: '', last: 'T1' },
          { inFlight: 'T1', last: 'T0' },
          { inFlight: '', last: 'T1' },
          undefined,
        ]);
        expect(await bench.store.deadLetters.list()).toMatchObject([{ shard: 0, rowKey: bench.row(0) }]);
        expect(await bench.store.stats()).toMatchObject({ pending: { Product: 1 }, inFlight: 1, dead: 1 });
        expect(await Promise.all([end(1, 'T1', again), end(1, 'T1')])).toEqual([true, false]);
        expect((await bench.dirty(bench.row(0, 'product', 1)))?.attempts).toBe(1);
      }),
    );

    it(
      'have rows of their own made due',
      onBench(async (bench) => {
        bench.rules = LATER;
        await inThree(bench);
        const keys = [bench.row(0), bench.row(0, 'product', 2), bench.row(0, 'product', 3)];
        expect([...(await bench.store.due.make({ kind: 'rows', keys })).keys()]).toEqual([0, 2]);
        expect(await bench.store.due.next()).toMatchObject({ 0: 0, 2: 0 });
        expect((await bench.store.due.next())[1]).toBeGreaterThan(500_000);
      }),
    );
  });
}
