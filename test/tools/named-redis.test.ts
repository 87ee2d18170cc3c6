import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { askRedis } from '../../tools/servers/ask-redis.mjs';
import { startDragonfly } from '../../tools/servers/dragonfly.mjs';
import { findFacts } from '../../tools/servers/find.mjs';
import { namedRedis } from '../../tools/servers/named-redis.mjs';
import { planServers } from '../../tools/servers/plan.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';

/** A program, whichever. */
const program = process.execPath;
const url = 'redis://redis.test:1';

test('REDIS_URL, VALKEY_SERVER and DRAGONFLY_URL name a server by its URL', () => {
  for (const variable of ['REDIS_URL', 'VALKEY_SERVER', 'DRAGONFLY_URL'])
    expect(namedRedis({ [variable]: url })).toMatchObject({ url, program: undefined });
  expect(namedRedis({ VALKEY_SERVER: 'rediss://valkey.test:1' }).url).toBe('rediss://valkey.test:1');
  expect(namedRedis({ REDIS_URL: '' })).toEqual({ url: undefined, program: undefined, dragonfly: undefined });
});

test('REDIS_URL and VALKEY_SERVER name a program by its path, which goes before what the machine has', () => {
  for (const variable of ['REDIS_URL', 'VALKEY_SERVER']) {
    expect(namedRedis({ [variable]: program })).toMatchObject({ url: undefined, program });
    expect(findFacts({ ...process.env, REDIS_URL: '', SPILLWAY_REDIS_PROGRAM: '', [variable]: program })).toMatchObject(
      {
        urls: { redis: undefined },
        programs: { redis: program },
      },
    );
  }
});

test('a program stays known when REDIS_URL has become the URL of the server that it is', () => {
  expect(namedRedis({ REDIS_URL: url, VALKEY_SERVER: program })).toMatchObject({ url, program });
  expect(namedRedis({ REDIS_URL: url, SPILLWAY_REDIS_PROGRAM: program })).toMatchObject({ url, program });
});

test('DRAGONFLY_URL names a program too, which is the shared server; tests own a Redis of this machine', () => {
  expect(namedRedis({ DRAGONFLY_URL: program })).toMatchObject({
    url: undefined,
    program: undefined,
    dragonfly: program,
  });
  expect(namedRedis({ DRAGONFLY_URL: program, REDIS_URL: url })).toMatchObject({ url, dragonfly: undefined });
  const env = { ...process.env, REDIS_URL: '', VALKEY_SERVER: '', SPILLWAY_REDIS_PROGRAM: '', DRAGONFLY_URL: program };
  const plan = planServers(findFacts(env));
  expect(plan).toMatchObject({ redis: { way: 'dragonfly', path: program, program: findFacts(env).programs.redis } });
});

test('a Dragonfly is started by its own flags, and awaited until it answers', async () => {
  const folder = makeRunFolder();
  const standIn = path.join(folder, 'dragonfly');
  // It understands what it has to, and is a Redis.
  const port = `$(printf '%s\\n' "$@" | sed -n 's/^--port=//p')`;
  const redis = findFacts({ ...process.env, REDIS_URL: '' }).programs.redis;
  writeFileSync(standIn, `#!/bin/sh\nexec ${redis} --port ${port} --bind 127.0.0.1 --save ''\n`, { mode: 0o755 });
  const server = await startDragonfly({ binary: standIn, folder });
  expect(await askRedis(server.port, ['PING'])).toBe('PONG');
  expect(server.url).toBe(`redis://127.0.0.1:${server.port}`);
  await server.stop();
  expect(server.hasEnded()).toBe(true);
  removeFolder(folder);
});

test('what is neither is refused by name', () => {
  expect(() => namedRedis({ VALKEY_SERVER: '/nowhere/valkey-server' })).toThrow(
    'VALKEY_SERVER is /nowhere/valkey-server, which is no URL (redis://host:port) and no program that may be run. ' +
      'Name one of both, or take it out of the environment to let a server be found.',
  );
  expect(() => namedRedis({ DRAGONFLY_URL: '/nowhere/dragonfly' })).toThrow('DRAGONFLY_URL is /nowhere/dragonfly');
});
