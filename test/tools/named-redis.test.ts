import { expect, test } from 'vitest';
import { findFacts } from '../../tools/servers/find.mjs';
import { namedRedis } from '../../tools/servers/named-redis.mjs';

/** A program, whichever. */
const program = process.execPath;
const url = 'redis://redis.test:1';

test('REDIS_URL, VALKEY_SERVER and DRAGONFLY_URL name a server by its URL', () => {
  for (const variable of ['REDIS_URL', 'VALKEY_SERVER', 'DRAGONFLY_URL'])
    expect(namedRedis({ [variable]: url })).toEqual({ url, program: undefined });
  expect(namedRedis({ VALKEY_SERVER: 'rediss://valkey.test:1' }).url).toBe('rediss://valkey.test:1');
  expect(namedRedis({ REDIS_URL: '' })).toEqual({ url: undefined, program: undefined });
});

test('REDIS_URL and VALKEY_SERVER name a program by its path, which goes before what the machine has', () => {
  for (const variable of ['REDIS_URL', 'VALKEY_SERVER']) {
    expect(namedRedis({ [variable]: program })).toEqual({ url: undefined, program });
    expect(findFacts({ ...process.env, REDIS_URL: '', SPILLWAY_REDIS_PROGRAM: '', [variable]: program })).toMatchObject(
      {
        urls: { redis: undefined },
        programs: { redis: program },
      },
    );
  }
});

test('a program stays known when REDIS_URL has become the URL of the server that it is', () => {
  expect(namedRedis({ REDIS_URL: url, VALKEY_SERVER: program })).toEqual({ url, program });
  expect(namedRedis({ REDIS_URL: url, SPILLWAY_REDIS_PROGRAM: program })).toEqual({ url, program });
});

test('what is neither is refused by name', () => {
  expect(() => namedRedis({ VALKEY_SERVER: '/nowhere/valkey-server' })).toThrow(
    'VALKEY_SERVER is /nowhere/valkey-server, which is no URL (redis://host:port) and no program that may be run. ' +
      'Name one of both, or take it out of the environment to let a server be found.',
  );
  expect(() => namedRedis({ DRAGONFLY_URL: program })).toThrow(
    `DRAGONFLY_URL is ${program}: name a server that runs, as redis://host:port. No run starts Dragonfly.`,
  );
});
