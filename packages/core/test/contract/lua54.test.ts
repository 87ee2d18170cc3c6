import { freshNamespace, sharedRedisUrl, sized } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { describe, expect, it, test } from 'vitest';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { SCRIPTS } from '../../src/staging/redis/scripts.js';
import { stagingContract } from '../../src/testing/staging-contract.js';
import { clientOf, ran } from './lua54/client.js';
import { Lua54 } from './lua54/lua54.js';
import { leaveSomePlace, moveSomeLetters } from './moved-shards.js';

/** Each command of a script is a round trip here. */
const COMMAND_MS = 60_000;

/** Only servers other than Redis answer them as numbers. */
const SCORES = sized({ short: ['as numbers'], long: ['as texts', 'as numbers'] } as const);

for (const scores of SCORES) {
  const lua = await Lua54.load(scores);
  stagingContract(
    `Redis, its scripts run by ${lua.version}, scores ${scores}`,
    async (options) => {
      const redis = clientOf(sharedRedisUrl(), lua);
      return openRedisStaging({ ...options, redis, namespace: freshNamespace(), commandTimeoutMs: COMMAND_MS });
    },
    { describe, it, expect },
  );
}

test('all scripts have been run', async () => {
  // Those of an older layout of keys: nothing makes them now.
  const [namespace, eye] = [freshNamespace(), new Redis(sharedRedisUrl())];
  const redis = clientOf(sharedRedisUrl(), await Lua54.load('as texts'));
  const store = await openRedisStaging({ redis, namespace, shards: 1, commandTimeoutMs: COMMAND_MS });
  await eye.hset(`{${namespace}:0}:chain`, 'epoch', '1/1');
  expect(await store.adopt(0, 'T0')).toBe('present');
  await store.close();
  await moveSomeLetters(redis, freshNamespace(), COMMAND_MS);
  await leaveSomePlace(redis, freshNamespace(), COMMAND_MS);
  eye.disconnect();
  const missing = Object.values(SCRIPTS).filter(({ sha }) => !ran.has(sha));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

describe('the interpreter', async () => {
  const lua = await Lua54.load('as texts');
  const run = async (source: string, ...args: readonly string[]): Promise<unknown> =>
    lua.run(
      source,
      [Buffer.from('key')],
      args.map((arg) => Buffer.from(arg)),
      async (words) => words,
    );
  const textOf = async (source: string): Promise<string> => String(await run(source));

  test('is Lua 5.4, with integers of 64 bits, and not the Lua 5.1 of Redis', async () => {
    expect(lua.version).toBe('Lua 5.4');
    expect(await textOf('return tostring(7 // 2) .. tostring(6 / 2) .. tostring(2^53)')).toBe('33.09.007199254741e+15');
    expect(await textOf('return string.format("%d", 9007199254740993)')).toBe('9007199254740993');
  });

  test.each(['unpack', 'loadstring', 'table.getn({})', 'x = 1', 'string.format("%d", 0.5)'])(
    'refuses what Lua 5.4 does not have, or a server does not allow: %s',
    async (code) => {
      expect(await run(`local _ = ${code.includes('=') ? `1; ${code}` : code}`)).toBeInstanceOf(Error);
    },
  );

  test('passes bytes on as they are, and numbers as servers write them', async () => {
    const bytes = '\u0000\u00ff"\n ';
    expect(await run('return redis.call("ECHO", ARGV[1], 3, 3.0, 0.5, 1764567890122.5)', bytes)).toEqual(
      ['ECHO', bytes, '3', '3', '0.5', '1764567890122.5'].map((word) => Buffer.from(word)),
    );
  });

  test('packs whole numbers alike, whichever kind they are', async () => {
    expect(await run('return cmsgpack.pack({ 3, 3.0, 2^40, -1, -200 })')).toEqual(
      Buffer.from('950303cf0000010000000000ffd1ff38', 'hex'),
    );
  });
});
