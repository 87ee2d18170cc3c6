import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDelta } from '../../../src/change/merge-records.js';
import { rowKeyOf, shardOf } from '../../../src/change/row-key.js';
import { compareVersions, versionAbove } from '../../../src/change/version.js';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const natural = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

test('versions compare as the numbers that they are', () => {
  fc.assert(
    fc.property(natural, natural, (left, right) => {
      const expected = left < right ? -1 : Number(left > right);
      expect(Math.sign(compareVersions(String(left), String(right)))).toBe(expected);
    }),
  );
});

test('the version above another is the one asked for, or the next', () => {
  expect(versionAbove('10', '9')).toBe('10');
  expect(versionAbove('1', undefined)).toBe('1');
  expect(versionAbove('1', '9')).toBe('10');
  expect(versionAbove('1', '9223372036854775807')).toBeUndefined();
});

test('differences of 64 bits add up exactly, or not at all', () => {
  fc.assert(
    fc.property(int64, int64, (left, right) => {
      const sum = left + right;
      expect(addDelta(String(left), String(right))).toBe(BigInt.asIntN(64, sum) === sum ? String(sum) : undefined);
    }),
  );
});

test('a row has the shard that it always had, and shards are filled evenly', () => {
  const key = (number: number) => rowKeyOf({ schema: 'public', table: 'product', key: [String(number)] });
  expect([0, 1, 2].map((number) => shardOf(key(number), 64))).toEqual(SHARDS_OF_FIRST_ROWS);
  const filled = Array.from({ length: 64 }, () => 0);
  for (let number = 0; number < 64_000; number += 1)
    filled[shardOf(key(number), 64)] = (filled[shardOf(key(number), 64)] ?? 0) + 1;
  expect(Math.min(...filled)).toBeGreaterThan(850);
  expect(Math.max(...filled)).toBeLessThan(1_150);
});

/** Written down once: another number means that every stored row has moved. */
const SHARDS_OF_FIRST_ROWS = [19, 36, 61];
