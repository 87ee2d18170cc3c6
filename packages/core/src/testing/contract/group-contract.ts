import type { Change } from '../../change/change.js';
import type { StageGroup, UnitAnswer } from '../../staging/stage-side.js';
import type { Bench, ContractContext } from './bench.js';

/** Groups: units of work that go to a server together, and have nothing to do with each other. */
export function groupContract({ describe, it, expect, onBench }: ContractContext): void {
  /** For groups over shards 0 and 1: a store that has them on two servers is given none. */
  const onShardsTogether: typeof onBench = (body, limits) =>
    onBench(async (bench) => {
      if (bench.store.serverOf(1) === bench.store.serverOf(0)) await body(bench);
    }, limits);

  describe('groups', () => {
    it(
      'R12: are judged unit by unit, each over what those before it have made',
      onBench(async (bench) => {
        const to = (base: string, version: string) => [{ base, version, values: { name: `"${version}"` } }];
        const answers = await stage(bench, [to('5', '6'), to('6', '7'), to('6', '7'), to('7', '8')]);
        expect(answers.map(({ status }) => status)).toEqual(['staged', 'staged', 'refused', 'staged']);
        expect(answers[2]).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(0), reason: 'stale', version: '7' }],
        });
        expect(await bench.dirty()).toMatchObject({ base: '5', version: '8', values: { name: '"8"' }, merged: 3 });
      }),
    );

    it(
      'R12: lose nothing by a unit that is refused, and take nothing from it, in no shard and in no count',
      onShardsTogether(async (bench) => {
        await bench.store.adopt(1, 'T0');
        const elsewhere = bench.row(0, 'product', 1);
        const plusOne = (rowKey = bench.row(0)) => ({ kind: 'increment', rowKey, deltas: { stock: '1' } }) as const;
        const answers = await stage(bench, [
          [plusOne(), plusOne(elsewhere)],
          // Its last change is refused, after those before it were computed.
          [
            plusOne(),
            plusOne(elsewhere),
            plusOne(bench.row(1)),
            { kind: 'insert', rowKey: bench.row(3), version: '1' },
            { kind: 'delete', rowKey: bench.row(3), base: '1' },
            { kind: 'insert', rowKey: bench.row(0), version: '1' },
          ],
          [plusOne(), plusOne(bench.row(2))],
          [plusOne(elsewhere)],
        ]);
        expect(answers.map(({ status }) => status)).toEqual(['staged', 'refused', 'staged', 'staged']);
        expect((await bench.dirty())?.deltas).toEqual({ stock: '2' });
        expect(await bench.dirty(elsewhere)).toMatchObject({ deltas: { stock: '2' }, first: 1, last: 2, merged: 2 });
        expect(await bench.dirty(bench.row(1))).toBeUndefined();
        expect(await bench.dirty(bench.row(2))).toMatchObject({ deltas: { stock: '1' }, first: 3, last: 3 });
        expect(await bench.store.stats()).toMatchObject({
          pending: { Product: 3 },
          staged: 5,
          coalesced: 2,
          annihilated: 0,
        });
      }),
    );

    it(
      'R12: leave the room of a refused unit to those behind it',
      onBench(async (bench) => {
        bench.rules = { ...bench.rules, maxPending: 1 };
        const insert = (number: number) => ({ kind: 'insert', rowKey: bench.row(number), version: '1' }) as const;
        const answers = await stage(bench, [
          [insert(0), { ...insert(0) }],
          [insert(1)],
          [insert(2)],
          [{ kind: 'increment', rowKey: bench.row(1), deltas: { stock: '1' } }],
        ]);
        expect(answers.map((answer) => reasonOf(answer) ?? answer.status)).toEqual([
          'exists',
          'staged',
          'full',
          'staged',
        ]);
        expect((await bench.store.stats()).pending).toEqual({ Product: 1 });
        expect((await bench.dirty(bench.row(1)))?.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'R12: keep what a unit has made of a row, though a later unit of that row is refused for its size',
      onBench(async (bench) => {
        bench.rules = { ...bench.rules, maxRecordBytes: 300 };
        const long = `"${'x'.repeat(400)}"`;
        const answers = await stage(bench, [
          [{ values: { name: '"a"' } }],
          [{ values: { text: long } }],
          [{ rowKey: bench.row(1), values: { name: '"b"' } }, { values: { text: long } }],
        ]);
        expect(answers.map((answer) => reasonOf(answer) ?? answer.status)).toEqual([
          'staged',
          'too-large',
          'too-large',
        ]);
        expect((await bench.dirty())?.values).toEqual({ name: '"a"' });
        expect(await bench.dirty(bench.row(1))).toBeUndefined();
      }),
    );

    it(
      'R13: tell each unit what became of its own changes',
      onBench(async (bench) => {
        for (const [number, base] of ['7', '20'].entries())
          await bench.stage({ kind: 'delete', rowKey: bench.row(number), base });
        const insert = (number: number) => ({ kind: 'insert', rowKey: bench.row(number), version: '1' }) as const;
        const answers = await stage(bench, [[insert(0)], [insert(2)], [insert(0)], [insert(1), insert(3)]]);
        expect(answers.map((answer) => (answer.status === 'staged' ? [...answer.versions] : reasonOf(answer)))).toEqual(
          [[[bench.row(0), '8']], [], 'exists', [[bench.row(1), '21']]],
        );
        const marks = answers.map((answer) => (answer.status === 'staged' ? answer.marks : []));
        expect(marks.map((ofUnit) => ofUnit.map(({ rowKey, sequence }) => [rowKey, sequence]))).toEqual([
          [[bench.row(0), 3]],
          [[bench.row(2), 4]],
          [],
          [
            [bench.row(1), 5],
            [bench.row(3), 6],
          ],
        ]);
        expect(await bench.store.settled(marks.flat())).toEqual(marks.flat().map(() => ({ status: 'pending' })));
      }),
    );

    it(
      'R13: are answered as the first time, all of them, however often they are sent, and by a fence',
      onShardsTogether(async (bench) => {
        await bench.store.adopt(1, 'T0');
        bench.rules = { ...bench.rules, maxPending: 1 };
        const elsewhere = bench.row(0, 'product', 1);
        const group = groupOf(bench, [
          [{ kind: 'increment', rowKey: elsewhere, deltas: { stock: '1' } }],
          [{ kind: 'increment', rowKey: bench.row(0), deltas: { stock: '1' } }],
          [{ kind: 'increment', rowKey: bench.row(1), deltas: { stock: '1' } }],
        ]);
        const first = await bench.store.stage(group);
        expect(await bench.store.stage(group)).toEqual(first);
        await bench.flush();
        // There is room now for the unit that was refused, and the batch is written.
        expect(await bench.store.stage(group)).toEqual(first);
        expect(await bench.store.fence(group)).toEqual(first);
        expect(await bench.dirty()).toBeUndefined();
        expect((await bench.dirty(elsewhere))?.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'R13: never run in any shard once they are fenced (C5)',
      onShardsTogether(async (bench) => {
        await bench.store.adopt(1, 'T0');
        const rows = [bench.row(0, 'product', 1), bench.row(0)];
        const group = groupOf(
          bench,
          rows.map((rowKey) => [{ kind: 'increment', rowKey, deltas: { stock: '1' } }]),
        );
        expect(await bench.store.fence(group)).toEqual({ status: 'voided' });
        expect(await bench.store.stage(group)).toEqual({ status: 'voided' });
        for (const row of rows) expect(await bench.dirty(row)).toBeUndefined();
      }),
    );

    it(
      'R13: are remembered though the shard that remembers them is emptied: the others have run',
      onShardsTogether(async (bench) => {
        await bench.store.adopt(1, 'T0');
        const elsewhere = bench.row(0, 'product', 1);
        const group = groupOf(bench, [
          [bench.row(0), elsewhere].map((rowKey) => ({ kind: 'increment', rowKey, deltas: { stock: '1' } }) as const),
        ]);
        await bench.store.stage(group);
        await bench.store.empty(0, { kind: 'all' }, 'T0');
        await bench.store.adopt(0, 'T0');
        const [answer] = units(await bench.store.stage(group));
        expect(answer?.status).toBe('staged');
        expect(await bench.dirty()).toBeUndefined();
        expect((await bench.dirty(elsewhere))?.deltas).toEqual({ stock: '1' });
      }),
    );

    it(
      'R13: with a shard that nobody has adopted refuse the units of that shard alone (H14)',
      onShardsTogether(async (bench) => {
        const [here, there] = [bench.row(0), bench.row(0, 'product', 1)];
        const plusOne = (rowKey: Change['rowKey']) => ({ kind: 'increment', rowKey, deltas: { stock: '1' } }) as const;
        const group = groupOf(bench, [[plusOne(here)], [plusOne(there)], [plusOne(here), plusOne(there)]]);
        const answers = units(await bench.store.stage(group));
        expect(answers.slice(1)).toEqual([1, 2].map(() => ({ status: 'uninitialised', shards: [1] })));
        await bench.store.adopt(1, 'T0');
        expect(units(await bench.store.stage(group))).toEqual(answers);
        expect((await bench.dirty(here))?.deltas).toEqual({ stock: '1' });
        expect(await bench.dirty(there)).toBeUndefined();
      }),
    );

    it(
      'H5: accept or refuse a unit over several shards of one server together',
      onShardsTogether(async (bench) => {
        const { store } = bench;
        for (const shard of [1, 2]) await store.adopt(shard, 'T0');
        const together = [0, 1, 2].filter((shard) => store.serverOf(shard) === store.serverOf(0));
        const rows = together.map((shard) => bench.row(0, 'product', shard));
        await bench.stage({ kind: 'delete', rowKey: bench.row(0) });
        const plusOne = rows
          .toReversed()
          .map((rowKey) => ({ kind: 'increment', rowKey, deltas: { stock: '1' } }) as const);
        const [refused] = await stage(bench, [plusOne]);
        expect(refused).toEqual({ status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'deleted' }] });
        for (const row of rows.slice(1)) expect(await bench.dirty(row)).toBeUndefined();
        const [staged] = await stage(bench, [plusOne.slice(0, -1)]);
        expect(staged?.status).toBe('staged');
        for (const row of rows.slice(1)) expect((await bench.dirty(row))?.deltas).toEqual({ stock: '1' });
      }),
    );
  });
}

type Units = readonly (readonly Partial<Change>[])[];

function groupOf(bench: Bench, changes: Units): StageGroup {
  const { id, rules } = bench.call();
  return { id, rules, units: changes.map((ofUnit) => ({ changes: ofUnit.map((change) => bench.change(change)) })) };
}

async function stage(bench: Bench, changes: Units): Promise<readonly UnitAnswer[]> {
  return units(await bench.store.stage(groupOf(bench, changes)));
}

function units(answer: Awaited<ReturnType<Bench['store']['stage']>>): readonly UnitAnswer[] {
  return answer.status === 'judged' ? answer.units : [];
}

function reasonOf(answer: UnitAnswer): string | undefined {
  return answer.status === 'refused' ? answer.refusals[0]?.reason : undefined;
}
