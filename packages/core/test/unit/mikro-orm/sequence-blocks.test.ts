import { expect, test } from 'vitest';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';
import { SequenceBlocks } from '../../../src/mikro-orm/write/sequence-blocks.js';

/** Each discovery makes another description of the entity. */
const described = (): WriteBehindType => ({ table: { schema: 'public', name: 'row' } }) as WriteBehindType;
const type = described();

/** A sequence that can be restarted, and the blocks over it. */
function bench(step = 1n, isApart = false) {
  let next = step;
  let restarts = 0;
  const numbers = async (_: unknown, count: number): Promise<string[]> =>
    Array.from({ length: count }, () => {
      const number = next;
      next += step;
      return String(number);
    });
  const blocks = new SequenceBlocks(numbers, { isApart: () => isApart, restarted: () => (restarts += 1) });
  return {
    blocks,
    restart: (from = step) => void (next = from),
    get restarts() {
      return restarts;
    },
    take: async (count: number) => (await blocks.take(type, count)).map(Number),
  };
}

function oneTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

test('numbers are those of the sequence, in its order, however many are taken at once', async () => {
  const { take } = bench();
  expect(await take(3)).toEqual([1, 2, 3]);
  expect(await take(600)).toEqual(oneTo(603, 4));
  expect(await take(300_000)).toHaveLength(300_000);
});

test.each([1n, -1n])(
  'a restart is noticed at the next block, in steps of %i; given numbers are left out',
  async (step) => {
    const own = bench(step);
    const sign = Number(step);
    await own.take(256);
    await own.take(10);
    own.restart();
    const rest = await own.take(246);
    expect(own.restarts).toBe(0);
    expect(await own.take(300)).toEqual([...oneTo(256), ...oneTo(556, 513)].map((number) => sign * number));
    expect(own.restarts).toBe(1);
    expect(rest).toEqual(oneTo(512, 267).map((number) => sign * number));
  },
);

test('a sequence that was set further on is none that has begun anew', async () => {
  const own = bench();
  await own.take(256);
  own.restart(10_000n);
  expect(await own.take(1)).toEqual([10_000]);
  expect(own.restarts).toBe(0);
});

test('what was dropped is neither handed out nor compared', async () => {
  const own = bench();
  await own.take(10);
  own.restart();
  own.blocks.forget();
  expect(await own.take(3)).toEqual([1, 2, 3]);
  expect(own.restarts).toBe(0);
});

test('a restart is noticed though the entities have been described anew meanwhile', async () => {
  const own = bench();
  await own.take(200);
  own.restart();
  const numbers = await own.blocks.take(described(), 100);
  expect(numbers.map(Number)).toEqual(oneTo(300, 201));
  expect(own.restarts).toBe(1);
});
