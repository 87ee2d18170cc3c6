import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { eventually, freshNamespace, redis, sentinels, sharedRedisUrl, type Sentinels } from '@spillway/test-support';
import { AbstractConnector, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpillwayError } from '../../src/errors.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisTarget } from '../../src/staging/redis/redis-target.js';

const COMMAND_MS = 300;
/** Far above all deadlines, and far below for ever. */
const GENEROUS_MS = 20_000;

async function failureOfOpening(target: RedisTarget): Promise<SpillwayError> {
  const startedMs = performance.now();
  const error: unknown = await openRedisStaging({
    redis: target,
    namespace: freshNamespace(),
    commandTimeoutMs: COMMAND_MS,
  }).catch((thrown: unknown) => thrown);
  expect(performance.now() - startedMs).toBeLessThan(GENEROUS_MS);
  expect(error).toMatchObject({ code: 'STAGING_UNAVAILABLE' });
  return error as SpillwayError;
}

/** A server that accepts connections, and never says a word. */
async function silence(): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A port on which nobody listens. */
async function nobody(): Promise<number> {
  await using server = await silence();
  return server.port;
}

describe('a single server: opening ends, and names the cause', () => {
  test('that accepts and never answers', async () => {
    await using server = await silence();
    const { message } = await failureOfOpening({ host: '127.0.0.1', port: server.port });
    expect(message).toContain(
      `Redis at 127.0.0.1:${server.port} cannot be reached (it accepts connections, but was not ready within 300 ms: ` +
        'it does not answer, or is still loading its data). Check that it runs there, and that host, port and TLS',
    );
  });

  test('that never connects', async () => {
    await using server = await redis({ 'tcp-backlog': '1' });
    server.pause();
    // The kernel accepts as many as the server lets wait; further ones are not answered at all.
    const waiting = Array.from({ length: 8 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined));
    await eventually(() => waiting.filter(({ connecting }) => !connecting).length >= 2);
    const { message } = await failureOfOpening({ host: '127.0.0.1', port: server.port });
    for (const socket of waiting) socket.destroy();
    server.resume();
    expect(message).toContain(`Redis at 127.0.0.1:${server.port} cannot be reached (connect ETIMEDOUT)`);
  });

  test('that is frozen, with TLS', async () => {
    await using server = await silence();
    const { message } = await failureOfOpening(`rediss://127.0.0.1:${server.port}`);
    expect(message).toContain('cannot be reached (connect ETIMEDOUT)');
  });

  test('that a Connector of the user looks for without end', async () => {
    class Endless extends AbstractConnector {
      constructor() {
        super(1_000);
      }

      override async connect(): Promise<never> {
        return new Promise(() => undefined);
      }
    }
    const { message } = await failureOfOpening({ Connector: Endless });
    expect(message).toContain('cannot be reached (opening has not ended: not within 600 ms)');
  });

  test('that is lost later: what is asked says why it is not connected', async () => {
    await using server = await redis();
    const store = await openRedisStaging({ redis: server.url, shards: 1, commandTimeoutMs: COMMAND_MS });
    server.pause();
    await expect(store.stats()).rejects.toMatchObject({ code: 'STAGING_TIMEOUT' });
    await eventually(async () => {
      await expect(store.stats()).rejects.toThrow(
        /is not connected \(it accepts connections, but was not ready within 300 ms.*\); nothing was staged/u,
      );
    });
    server.resume();
    await eventually(async () => store.stats());
    await store.close();
  });
});

describe('behind Sentinel: opening ends, and names the sentinels, the master and the cause', () => {
  let servers: Sentinels;
  beforeAll(async () => {
    servers = await sentinels({ downAfterMs: 60_000 });
  });
  afterAll(async () => servers[Symbol.asyncDispose]());

  test('where no sentinel answers, for nobody is there', async () => {
    const ports = [await nobody(), await nobody()];
    const { message } = await failureOfOpening({
      sentinels: ports.map((port) => ({ host: '127.0.0.1', port })),
      name: 'shop',
    });
    expect(message).toMatch(
      new RegExp(
        `^Redis at "shop" by the sentinels 127\\.0\\.0\\.1:${ports[0]}, 127\\.0\\.0\\.1:${ports[1]} cannot be reached ` +
          `\\(failed to connect to sentinel 127\\.0\\.0\\.1:${ports[1]} because .*\\)\\. ` +
          'Check that it runs there, and that sentinels, name and TLS of the "redis" option are right',
        'u',
      ),
    );
    expect(message).not.toContain('6379');
  });

  test('where no sentinel answers, for each accepts and is silent', async () => {
    await using one = await silence();
    const asked = [{ host: '127.0.0.1', port: one.port }];
    const { message } = await failureOfOpening({ sentinels: asked, name: 'shop' });
    expect(message).toContain(
      `Redis at "shop" by the sentinel 127.0.0.1:${one.port} cannot be reached ` +
        `(failed to connect to sentinel 127.0.0.1:${one.port} because Command timed out)`,
    );
  });

  test('where a sentinel is given as the server: it says how to give sentinels', async () => {
    const [{ port } = { port: 0 }] = servers.target.sentinels;
    const failure = openRedisStaging({ redis: `redis://127.0.0.1:${port}`, commandTimeoutMs: COMMAND_MS });
    await expect(failure).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(
        `Redis at 127.0.0.1:${port} is a sentinel, which knows where Redis is and holds nothing itself; nothing was staged. ` +
          `Give the "redis" option sentinels: [{ host: '127.0.0.1', port: ${port} }], all of them, and the name of the master`,
      ),
    });
  });

  test('where none knows the name', async () => {
    const { message } = await failureOfOpening({ sentinels: [...servers.target.sentinels], name: 'shpo' });
    expect(message).toMatch(
      /^Redis at "shpo" by the sentinels .* cannot be reached \(the sentinel \S+ knows no such master/u,
    );
  });

  test('where the master that they name is frozen', async () => {
    servers.freeze();
    const { message } = await failureOfOpening({ ...servers.target, sentinels: [...servers.target.sentinels] });
    servers.thaw();
    expect(message).toMatch(
      /^Redis at "shop" by the sentinels .* \(it accepts connections, but was not ready within 300 ms/u,
    );
  });

  test('a sentinel that is frozen when it is listened to again ends no process', async () => {
    const store = await openRedisStaging({
      redis: { ...servers.target, sentinels: [...servers.target.sentinels] },
      namespace: freshNamespace(),
      commandTimeoutMs: COMMAND_MS,
    });
    const rejections: unknown[] = [];
    const noteRejection = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', noteRejection);
    await eventually(async () => expect(await servers.listeners(0)).toBe(1));
    await servers.freezeSentinel(0);
    // So long the fault lasts: ioredis connects again within a fraction of it, and what it asks must not be given up.
    await pause(5_000);
    servers.thawSentinel(0);
    await eventually(async () => expect(await servers.listeners(0)).toBe(1), { timeoutMs: 30_000 });
    expect(rejections).toEqual([]);
    process.off('unhandledRejection', noteRejection);
    await store.close();
    await eventually(async () => expect(await servers.listeners(0)).toBe(0));
  });

  test('a silent sentinel beside one that answers is passed over', async () => {
    await using one = await silence();
    const asked = [{ host: '127.0.0.1', port: one.port }, ...servers.target.sentinels];
    const store = await openRedisStaging({
      redis: { sentinels: asked, name: servers.target.name },
      namespace: freshNamespace(),
      commandTimeoutMs: COMMAND_MS,
    });
    expect((await store.stats()).pending).toEqual({});
    await store.close();
  });
});

test('a client that ioredis has given up, for its connector has failed, is connected again', async () => {
  const url = new URL(sharedRedisUrl());
  let failures = 0;
  class Failing extends AbstractConnector {
    constructor() {
      super(1_000);
    }

    override async connect(): Promise<Socket> {
      if (failures > 0) {
        failures -= 1;
        throw new Error('nobody can say where Redis is');
      }
      this.stream = connect(Number(url.port), url.hostname);
      return this.stream;
    }
  }
  const name = freshNamespace();
  const target = { Connector: Failing, connectionName: name };
  const store = await openRedisStaging({ redis: target, namespace: name, shards: 1 });
  const eye = new Redis(sharedRedisUrl());
  failures = 3;
  const clients = String(await eye.client('LIST'));
  const id = new RegExp(`^id=(\\d+) .*name=${name} `, 'mu').exec(clients)?.[1] ?? '';
  await eye.client('KILL', 'ID', id);
  await eventually(async () => {
    await expect(store.stats()).rejects.toThrow('is not connected (nobody can say where Redis is); nothing was staged');
  });
  await eventually(async () => store.stats());
  expect(failures).toBe(0);
  eye.disconnect();
  await store.close();
});
