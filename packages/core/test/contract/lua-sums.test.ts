import { readFileSync } from 'node:fs';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { addDelta } from '../../src/change/merge-records.js';

const redis = new Redis(sharedRedisUrl());
const version = readFileSync(new URL('../../src/staging/redis/lua/include/version.lua', import.meta.url), 'utf8');
const SCRIPT = `local stats = KEYS[1]\n${version}\nreturn add(ARGV[1], ARGV[2]) or 'too large'`;
const KEY = `{${freshNamespace('sums')}}`;

afterAll(() => redis.disconnect());

const add = async (left: string, right: string): Promise<unknown> => redis.eval(SCRIPT, 1, KEY, left, right);

/** Whole numbers about the powers of ten and two where a way of adding ends. */
const number = fc
  .tuple(
    fc.constantFrom(0n, 10n ** 14n, 10n ** 15n, 10n ** 16n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 3n),
    fc.bigInt({ min: -3n, max: 3n }),
    fc.constantFrom(1n, -1n),
  )
  .map(([about, off, sign]) => (about + off) * sign)
  .filter((each) => each >= -(2n ** 63n) && each < 2n ** 63n)
  .map(String);

test('R19: Lua adds what its numbers hold, Redis the rest, and both are exact', async () => {
  await fc.assert(
    fc.asyncProperty(number, number, async (left, right) => {
      expect(await add(left, right)).toBe(addDelta(left, right) ?? 'too large');
    }),
    { numRuns: 1_000 },
  );
  expect(await redis.exists(KEY)).toBe(0);
});

test.each([
  ['9007199254740991', '1', '9007199254740992'],
  ['9007199254740993', '0', '9007199254740993'],
  ['999999999999999', '1', '1000000000000000'],
  ['-999999999999999', '-999999999999999', '-1999999999999998'],
  ['-5', '5', '0'],
  ['0', '-0', '0'],
])('R19: %s and %s are %s', async (left, right, sum) => {
  expect(await add(left, right)).toBe(sum);
});
