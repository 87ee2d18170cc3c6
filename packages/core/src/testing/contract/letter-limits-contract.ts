import type { DroppedLetters } from '../../staging/dead-letter-store.js';
import { rejected, type Bench, type ContractContext } from './bench.js';

/** Limits of dead letters, by number and by age; and acts on many of them. */
export function letterLimitsContract(context: ContractContext): void {
  const { describe } = context;
  describe('limits of dead letters', () => {
    numberContract(context);
    ageContract(context);
  });
  describe('many dead letters', () => pagesContract(context));
}

/** Buries a change of each of these rows, one after the other. */
async function buryEach(bench: Bench, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    await bench.stage({ rowKey: bench.row(n), values: { n: String(n) } });
    await bench.flush({ [n]: rejected });
  }
}

async function rowsOfLetters(bench: Bench): Promise<readonly string[]> {
  return (await bench.store.deadLetters.list()).map(({ rowKey }) => rowKey);
}

function numberContract({ it, expect, onBench }: ContractContext): void {
  it(
    'keep the newest: the oldest go when one more comes, and listeners are told which',
    onBench(
      async (bench) => {
        const heard: DroppedLetters[] = [];
        const stopListening = bench.store.deadLetters.onDropped((dropped) => heard.push(dropped));
        await buryEach(bench, [0, 1]);
        expect(heard).toEqual([]);
        await buryEach(bench, [2]);
        expect(await rowsOfLetters(bench)).toEqual([bench.row(2), bench.row(1)]);
        expect(heard.map(({ shard }) => shard)).toEqual([0]);
        expect(heard[0]?.letters).toMatchObject([{ rowKey: bench.row(0), entity: 'Product', code: '23514' }]);
        stopListening();
        await buryEach(bench, [3]);
        expect(heard.length).toBe(1);
        expect(await bench.store.stats()).toMatchObject({ dead: 2, deadDropped: 2 });
      },
      { keepLetters: 2 },
    ),
  );

  it(
    'are kept too when one act buries more than are kept',
    onBench(
      async (bench) => {
        const heard: DroppedLetters[] = [];
        bench.store.deadLetters.onDropped((dropped) => heard.push(dropped));
        const numbers = [0, 1, 2, 3];
        await bench.stage(...numbers.map((n) => ({ rowKey: bench.row(n), values: { n: '1' } })));
        await bench.flush(Object.fromEntries(numbers.map((n) => [n, rejected])));
        expect((await rowsOfLetters(bench)).length).toBe(2);
        expect(heard.flatMap(({ letters }) => letters).length).toBe(2);
        expect(await bench.store.stats()).toMatchObject({ pending: {}, dead: 2, deadDropped: 2 });
      },
      { keepLetters: 2 },
    ),
  );

  it(
    'count what is there: a letter that was discarded or tried again makes room',
    onBench(
      async (bench) => {
        await buryEach(bench, [0, 1]);
        const [, first] = await bench.store.deadLetters.list();
        expect(first && (await bench.store.deadLetters.discard(first))).toBe(true);
        await buryEach(bench, [2]);
        expect(await rowsOfLetters(bench)).toEqual([bench.row(2), bench.row(1)]);
        const [, second] = await bench.store.deadLetters.list();
        expect(second && (await bench.store.deadLetters.retry(second))).toBe('staged');
        await bench.flush();
        await buryEach(bench, [3]);
        expect(await rowsOfLetters(bench)).toEqual([bench.row(3), bench.row(2)]);
        expect(await bench.store.stats()).toMatchObject({ dead: 2, deadDropped: 0 });
      },
      { keepLetters: 2 },
    ),
  );

  it(
    'of what was parked because the store had forgotten something are the same',
    onBench(
      async (bench) => {
        await bench.stage(...[0, 1, 2].map((n) => ({ rowKey: bench.row(n), values: { n: '1' } })));
        const report = await bench.store.park(0, { inFlight: '', last: 'T0' }, 'T9', 'park');
        expect(report).toEqual({ parked: 3, doubtful: 0 });
        expect(await bench.store.stats()).toMatchObject({ pending: {}, dead: 2, deadDropped: 1 });
      },
      { keepLetters: 2 },
    ),
  );

  it(
    'leave whoever waits for a dropped change with the answer that it is dead',
    onBench(
      async (bench) => {
        const answer = await bench.stage({ values: { n: '0' } });
        await bench.flush({ 0: rejected });
        await buryEach(bench, [1]);
        const sequence = answer.status === 'staged' ? (answer.marks[0]?.sequence ?? 0) : 0;
        expect(await bench.store.settled([{ rowKey: bench.row(0), sequence }])).toEqual([
          { status: 'dead', code: '23514' },
        ]);
      },
      { keepLetters: 1 },
    ),
  );
}

function ageContract({ it, expect, onBench }: ContractContext): void {
  it(
    'let go of what is too old, also where no more come',
    onBench(
      async (bench) => {
        const heard: DroppedLetters[] = [];
        bench.store.deadLetters.onDropped((dropped) => heard.push(dropped));
        await buryEach(bench, [0, 1]);
        while ((await rowsOfLetters(bench)).length > 0) await bench.store.deadLetters.trim();
        const dropped = heard.flatMap(({ letters }) => letters);
        expect(dropped.map(({ rowKey }) => rowKey)).toEqual([bench.row(0), bench.row(1)]);
        expect(dropped.every(({ atMs }) => atMs > 0)).toBe(true);
        expect(await bench.store.stats()).toMatchObject({ dead: 0, deadDropped: 2 });
      },
      { keepLettersMs: 1 },
    ),
  );

  it(
    'keep what is young',
    onBench(
      async (bench) => {
        await buryEach(bench, [0]);
        await bench.store.deadLetters.trim();
        expect(await rowsOfLetters(bench)).toEqual([bench.row(0)]);
      },
      { keepLettersMs: 3_600_000 },
    ),
  );
}

function pagesContract({ it, expect, onBench }: ContractContext): void {
  it(
    'come in pages, newest first, of those that were there when the first page was asked for',
    onBench(async (bench) => {
      const numbers = [...Array(250).keys()];
      await bench.stage(...numbers.map((n) => ({ rowKey: bench.row(n), values: { n: '1' } })));
      await bench.end(await bench.claim(1_000), Object.fromEntries(numbers.map((n) => [n, rejected])));
      const seen: string[] = [];
      let longest = 0;
      for await (const letters of bench.store.deadLetters.pages({})) {
        longest = Math.max(longest, letters.length);
        seen.push(...letters.map(({ id }) => id));
        if (seen.length <= letters.length) await buryEach(bench, [0]);
      }
      expect(longest <= 100).toBe(true);
      expect(seen).toEqual(numbers.map((n) => String(250 - n)));
      const found = await bench.store.deadLetters.list({ offset: 249, limit: 10 });
      expect(found.map(({ id }) => id)).toEqual(['2', '1']);
    }),
  );

  it(
    'are filtered by entity and code',
    onBench(async (bench) => {
      await buryEach(bench, [0]);
      await bench.stage({ rowKey: bench.row(1), values: { n: '1' } });
      await bench.flush({ 1: { ...rejected, code: '23505' } });
      const codes: string[] = [];
      for await (const letters of bench.store.deadLetters.pages({ entity: 'Product', code: '23505' }))
        codes.push(...letters.map(({ code }) => code));
      for await (const letters of bench.store.deadLetters.pages({ entity: 'Customer' }))
        codes.push(...letters.map(({ code }) => code));
      expect(codes).toEqual(['23505']);
    }),
  );
}
