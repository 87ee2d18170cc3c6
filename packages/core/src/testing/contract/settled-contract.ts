import type { StagedMark } from '../../staging/look-side.js';
import { again, type Bench, conflicted, LATER, rejected, type ContractContext } from './bench.js';
import type { Change } from '../../change/change.js';
import { fenceOne, stageOne } from './one-unit.js';

const WRITTEN = { status: 'written' };

/** Settlements: a store tells by the stage sequence of a change what became of it, in whichever process (M5). */
export function settledContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('M5: what became of a staged change', () => {
    it(
      'is told while it is dirty, in flight, and after it was written, also by a later change of its row',
      onBench(async (bench) => {
        const first = await staged(bench, { values: { n: '1' } });
        expect(await bench.store.settled([first])).toEqual([{ status: 'pending' }]);
        const batch = await bench.claim();
        const second = await staged(bench, { values: { n: '2' } });
        expect(await bench.store.settled([first, second])).toEqual([{ status: 'pending' }, { status: 'pending' }]);
        await bench.end(batch);
        expect(await bench.store.settled([first, second])).toEqual([{ status: 'written' }, { status: 'pending' }]);
        const third = await staged(bench, { values: { n: '3' } });
        await bench.flush();
        expect(await bench.store.settled([third, second, first])).toEqual([WRITTEN, WRITTEN, WRITTEN]);
      }),
    );

    it(
      'is that nothing is left to write, where it was annihilated or overruled',
      onBench(async (bench) => {
        bench.rules = LATER;
        const inserted = await staged(bench, { kind: 'insert', values: { n: '1' } });
        const deleted = await staged(bench, { kind: 'delete' });
        expect(await bench.store.settled([inserted, deleted])).toEqual([WRITTEN, WRITTEN]);
        const overruled = await staged(bench, { values: { n: '2' } });
        await bench.store.due.make({ kind: 'all' });
        await bench.flush({ 0: { kind: 'superseded' } });
        expect(await bench.store.settled([overruled])).toEqual([{ status: 'written' }]);
      }),
    );

    it(
      'is that it waits, where it was sent back or lies under a newer change of its row',
      onBench(async (bench) => {
        const first = await staged(bench, { values: { n: '1' } });
        await bench.flush({ 0: again });
        expect(await bench.store.settled([first])).toEqual([{ status: 'pending' }]);
        const batch = await bench.claim();
        await staged(bench, { values: { m: '2' } });
        await bench.end(batch, { 0: rejected });
        expect(await bench.store.settled([first])).toEqual([{ status: 'pending' }]);
        await bench.flush();
        expect(await bench.store.settled([first])).toEqual([{ status: 'written' }]);
      }),
    );

    it(
      'is its dead letter, also when the row was written since, and when the letter has been discarded',
      onBench(async (bench) => {
        const first = await staged(bench, { values: { n: '1' } });
        await bench.flush({ 0: rejected });
        const dead = { status: 'dead', code: '23514', reason: 'check' };
        expect(await bench.store.settled([first])).toEqual([dead]);
        const second = await staged(bench, { values: { n: '2' } });
        expect(await bench.store.settled([first, second])).toEqual([dead, { status: 'pending' }]);
        await bench.flush();
        expect(await bench.store.settled([first, second])).toEqual([dead, { status: 'written' }]);
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        await bench.store.deadLetters.discard(letter);
        expect(await bench.store.settled([first, second])).toEqual([
          { status: 'dead', code: '23514' },
          { status: 'written' },
        ]);
      }),
    );

    it(
      'is pending again when its dead letter is put back',
      onBench(async (bench) => {
        const mark = await staged(bench, { base: '5', version: '6', values: { n: '1' } });
        await bench.flush({ 0: conflicted });
        expect(await bench.store.settled([mark])).toEqual([{ status: 'dead', code: 'CONFLICT', reason: 'newer' }]);
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        expect(await bench.store.deadLetters.retry(letter, { force: true })).toBe('staged');
        expect(await bench.store.settled([mark])).toEqual([{ status: 'pending' }]);
        await bench.flush();
        expect(await bench.store.settled([mark])).toEqual([{ status: 'written' }]);
      }),
    );

    it(
      'is found in its dead letter when nothing is remembered of its row any more',
      onBench(
        async (bench) => {
          const mark = await staged(bench, { values: { n: '1' } });
          await bench.flush({ 0: rejected });
          for (const n of [1, 2, 3, 4]) {
            await bench.stage({ rowKey: bench.row(n), values: { n: '1' } });
            await bench.flush();
          }
          expect(await bench.store.settled([mark])).toEqual([{ status: 'dead', code: '23514', reason: 'check' }]);
          const written = await staged(bench, { rowKey: bench.row(5), values: { n: '1' } });
          await bench.flush();
          for (const n of [1, 2, 3, 4]) {
            await bench.stage({ rowKey: bench.row(n), values: { n: '2' } });
            await bench.flush();
          }
          expect(await bench.store.settled([written])).toEqual([{ status: 'written' }]);
        },
        { rememberRows: 1 },
      ),
    );

    it(
      'is not known where the store has forgotten something since it was staged',
      onBench(async (bench) => {
        const mark = await staged(bench, { kind: 'increment', deltas: { n: '1' } });
        await bench.flush();
        expect(await bench.store.settled([mark])).toEqual([{ status: 'written' }]);
        expect(await bench.store.settled([{ ...mark, since: 'another time' }])).toEqual([{ status: 'lost' }]);
        expect(await bench.store.settled([{ rowKey: mark.rowKey, sequence: 1_000 }])).toEqual([{ status: 'lost' }]);
        const doubtful = await staged(bench, { kind: 'increment', deltas: { n: '1' } });
        await bench.store.park(0, { inFlight: '', last: bench.last }, 'P', 'park');
        expect(await bench.store.settled([doubtful])).toMatchObject([{ status: 'dead', code: 'STAGING_LOSS' }]);
        expect(await bench.store.settled([{ rowKey: bench.row(0, 'product', 3), sequence: 1 }])).toEqual([
          { status: 'lost' },
        ]);
      }),
    );

    it(
      'is told of the same call whether its first answer came or not',
      onBench(async (bench) => {
        const call = bench.call({ values: { n: '1' } }, { rowKey: bench.row(1), values: { n: '2' } });
        const first = await stageOne(bench.store, call);
        await bench.stage({ rowKey: bench.row(2), values: { n: '3' } });
        expect(await stageOne(bench.store, call)).toEqual(first);
        expect(await fenceOne(bench.store, call)).toEqual(first);
        expect(first).toMatchObject({ marks: [{ sequence: 1 }, { sequence: 2 }] });
      }),
    );
  });
}

/** Stages one change, and answers its mark. */
async function staged(bench: Bench, change: Partial<Change>): Promise<StagedMark> {
  const answer = await bench.stage(change);
  if (answer.status !== 'staged') throw new Error(`Expected it to be staged, not ${answer.status}`);
  return answer.marks[0] as StagedMark;
}
