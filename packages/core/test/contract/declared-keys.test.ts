import { freshNamespace, redis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it, test } from 'vitest';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { SCRIPTS } from '../../src/staging/redis/scripts.js';
import { stagingContract } from '../../src/testing/staging-contract.js';
import { KeyAudit } from './key-audit.js';
import { leaveSomePlace, moveSomeLetters } from './moved-shards.js';
import { Monitor, monitoredCommand } from './monitored.js';

// MONITOR makes a server slow, and shows everybody's commands.
const server = await redis();
const client = new Redis(server.url);
const audit = await KeyAudit.by(client);
let heard = '';
const monitor = await Monitor.of(server.url, (command) => {
  audit.note(command);
  if (command.args[0] === 'echo') heard = command.args[1] ?? '';
});
afterAll(async () => {
  client.disconnect();
  await monitor[Symbol.asyncDispose]();
  await server.stop();
});

/** Everything that the server has run so far has been noted. */
async function caughtUp(): Promise<void> {
  const mark = freshNamespace();
  await client.echo(mark);
  await expect.poll(() => heard, { timeout: 30_000 }).toBe(mark);
}

stagingContract(
  'Redis, while MONITOR is read',
  async (options) => openRedisStaging({ ...options, redis: server.url, namespace: freshNamespace() }),
  { describe, it, expect },
);

describe('a script touches the keys that its call declares, and no others', () => {
  test('all of them were run', async () => {
    // Those of an older layout of keys: nothing makes them now.
    const store = await openRedisStaging({ redis: server.url, namespace: 'older', shards: 1 });
    await client.hset('{older:0}:chain', 'epoch', '1/1');
    await store.chain(0);
    await store.adopt(0, 'T0');
    await store.close();
    await moveSomeLetters(server.url, 'moved', 2_000);
    await leaveSomePlace(server.url, 'left', 2_000);
    await caughtUp();
    expect([...audit.scripts].toSorted()).toEqual(
      Object.values(SCRIPTS)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  test('no key was touched that was not declared', async () => {
    await caughtUp();
    expect(audit.undeclared).toEqual([]);
  });
});

describe('the audit finds', () => {
  const { source } = SCRIPTS.fence;
  const call = async (changed: string, ...args: readonly string[]): Promise<KeyAudit> => {
    const own = await KeyAudit.by(client);
    await using _ = await Monitor.of(server.url, (command) => {
      own.note(command);
      if (command.args[0] === 'echo') heard = command.args[1] ?? '';
    });
    await client.eval(changed, 3, '{x:0}:chain', '{x:0}:seen', '{x:0}:seen:old', '2.1/1', 'id', ...args);
    await caughtUp();
    return own;
  };

  test('a key whose name the script has made', async () => {
    const changed = source.replace('local known =', "redis.call('HGET', seen .. '!', id)\nlocal known =");
    expect(changed).not.toBe(source);
    expect(await call(changed)).toMatchObject({
      undeclared: [{ script: 'unknown', command: 'hget', key: '{x:0}:seen!' }],
    });
  });

  test('a key that came as an argument, last in a command that has several', async () => {
    const changed = source.replace('local known =', "redis.call('DEL', chain, ARGV[3])\nlocal known =");
    expect(await call(changed, '{x:0}:dead')).toMatchObject({
      undeclared: [{ script: 'unknown', command: 'del', key: '{x:0}:dead' }],
    });
  });

  test('nothing in the script as it is', async () => {
    expect(await call(source)).toMatchObject({ undeclared: [], scripts: new Set(['fence']) });
  });
});

test('a line of MONITOR is read whatever bytes it has', async () => {
  const args = ['" "', 'a\\"\n\r\t\u0007\b\u0000\u00ff[0 lua] "HGET"', ''];
  const found: unknown[] = [];
  await using _ = await Monitor.of(server.url, (command) => {
    found.push(command);
    if (command.args[0] === 'echo') heard = command.args[1] ?? '';
  });
  await client.callBuffer(
    'del',
    args.map((arg) => Buffer.from(arg, 'latin1')),
  );
  await caughtUp();
  expect(found).toContainEqual({ isOfScript: false, args: ['del', ...args] });
  expect(monitoredCommand('+OK')).toBeUndefined();
});
