import { eventually, freshNamespace, redis, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { type RowKey, rowKeyOf, shardOf } from '../../src/change/row-key.js';
import { SpillwayError } from '../../src/errors.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';
import { fenceOne, stageOne, type StageCall } from '../../src/testing/contract/one-unit.js';

const ROW = rowKeyOf({ schema: 'public', table: 'product', key: ['1'] });

function call(id: string, change: Partial<Change> = {}): StageCall {
  const whole: Change = {
    kind: 'increment',
    entity: 'Product',
    rowKey: ROW,
    values: {},
    deltas: { stock: '1' },
    originals: {},
    ...change,
  };
  return { shard: 0, id, changes: [whole], rules: { Product: AT_ONCE } };
}

async function failure(promise: Promise<unknown>): Promise<SpillwayError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SpillwayError) return error;
  throw new Error('Expected a SpillwayError', { cause: error });
}

/** A client of the test's own. */
async function withClient<T>(url: string, body: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await body(client);
  } finally {
    client.disconnect();
  }
}

describe('opening', () => {
  test('names the address when nothing listens there', async () => {
    await using server = await redis();
    await server.kill9();
    const error = await failure(openRedisStaging({ redis: server.url }));
    expect(error.code).toBe('STAGING_UNAVAILABLE');
    expect(error.message).toMatch(
      new RegExp(
        `^Redis at [\\w.]+:${server.port} cannot be reached \\(.*ECONNREFUSED.*\\)\\. Check that it runs there`,
        'u',
      ),
    );
  });

  test('says so when the password is wrong, or missing', async () => {
    await using server = await redis({ requirepass: 'secret' });
    const { port } = server;
    for (const password of ['wrong', undefined]) {
      const error = await failure(
        openRedisStaging({ redis: { port, host: '127.0.0.1', ...(password && { password }) } }),
      );
      expect(error.code).toBe('CONFIG_INVALID');
      expect(error.message).toMatch(
        /^Redis at 127\.0\.0\.1:\d+ refuses this client \((WRONGPASS|NOAUTH).*\)\. Check "username" and "password"/u,
      );
    }
  });

  test('says so when the user may not run scripts', async () => {
    await using server = await redis();
    await withClient(server.url, async (client) =>
      client.acl('SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-@scripting'),
    );
    const error = await failure(
      openRedisStaging({ redis: { port: server.port, host: '127.0.0.1', username: 'app', password: 'secret' } }),
    );
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(/NOPERM.*Give the user the rights to run EVALSHA.*SECURITY\.md lists them/u);
  });

  test('refuses a server that evicts keys or keeps nothing, unless that is meant', async () => {
    await using server = await redis({ appendonly: 'no', 'maxmemory-policy': 'allkeys-lru' });
    const error = await failure(openRedisStaging({ redis: server.url }));
    expect(error.code).toBe('REDIS_VOLATILE');
    expect(error.message).toMatch(
      /evicts keys .*allkeys-lru.*Set "maxmemory-policy noeviction"; and it keeps nothing over a restart.*Set "appendonly yes".*"acceptVolatile: true"/u,
    );
    await using store = await disposable(openRedisStaging({ redis: server.url, acceptVolatile: true }));
    expect(store.store.keeping).toBe('volatile');
  });

  test('tells when it was not allowed to ask', async () => {
    await using server = await redis({ appendonly: 'no' });
    await withClient(server.url, async (client) =>
      client.acl('SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-config'),
    );
    await using store = await disposable(
      openRedisStaging({ redis: { port: server.port, username: 'app', password: 'secret' } }),
    );
    expect(store.store.keeping).toBe('unverified');
  });

  test('needs no more rights than scripts, hashes and sorted sets on its own keys', async () => {
    await using server = await redis();
    const rights = [
      '+@connection',
      '+info',
      '+config|get',
      '+evalsha',
      '+eval',
      '+@hash',
      '+@sortedset',
      '+time',
      '+del',
      '+exists',
      '+rename',
      '+pttl',
      '+pexpire',
    ];
    await withClient(server.url, async (client) =>
      client.acl('SETUSER', 'app', 'on', '>secret', '~{tight:*', ...rights),
    );
    const target = { port: server.port, username: 'app', password: 'secret' };
    await using opened = await disposable(openRedisStaging({ redis: target, namespace: 'tight', shards: 1 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    await stageOne(store, call('one'));
    await store.due.make({ kind: 'all' });
    await store.claim(0, { token: 'T1', predecessor: 'T0', limit: 1 });
    expect(
      await store.acknowledge(
        0,
        'T1',
        new Map([[ROW, { kind: 'buried', code: 'X', reason: '', rejected: true, counted: false }]]),
        [],
      ),
    ).toBe(true);
    const [letter] = await store.deadLetters.list();
    expect(letter && (await store.deadLetters.retry(letter))).toBe('staged');
    expect((await store.stats()).pending).toEqual({ Product: 1 });
  });

  test('leaves a client that is passed in alone', async () => {
    await withClient(sharedRedisUrl(), async (client) => {
      await client.ping();
      await using opened = await disposable(openRedisStaging({ redis: client, namespace: freshNamespace() }));
      await opened.store.close();
      expect(await client.ping()).toBe('PONG');
      expect(client.options.enableOfflineQueue).toBe(true);
    });
  });
});

describe('a server in trouble', () => {
  test('that is gone does not keep the store from being closed', async () => {
    await using server = await redis();
    const store = await openRedisStaging({ redis: server.url, shards: 1 });
    await server.kill9();
    await eventually(async () => {
      expect((await failure(store.stats())).message).toContain('is not connected');
    });
    await store.close();
    await store.close();
  });

  test('that does not answer when the store is closed: what is on its way is STOPPED', async () => {
    await using server = await redis();
    const store = await openRedisStaging({ redis: server.url, shards: 1, commandTimeoutMs: 500 });
    await store.adopt(0, 'T0');
    server.pause();
    const onItsWay = failure(stageOne(store, call('cut off')));
    await store.close();
    expect(await onItsWay).toMatchObject({
      code: 'STOPPED',
      message: expect.stringMatching(
        /^Spillway was stopped before Redis at \S+ had answered: what it was asked may have happened\. /u,
      ),
    });
    expect(await failure(store.stats())).toMatchObject({
      code: 'STOPPED',
      message: expect.stringMatching(/^Spillway has been stopped, and has asked Redis at \S+ nothing more/u),
    });
  });

  test('that does not answer: the call times out, does not run later once it is fenced, and the store comes back', async () => {
    await using server = await redis();
    await using opened = await disposable(openRedisStaging({ redis: server.url, shards: 1, commandTimeoutMs: 300 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    server.pause();
    const error = await failure(stageOne(store, call('lost')));
    expect(error.code).toBe('STAGING_TIMEOUT');
    expect(error.message).toMatch(
      /has not answered.*whether the command ran is not known\. Send it again under its id, or fence it/u,
    );
    server.resume();
    const settled = await eventually(async () => fenceOne(store, call('lost')));
    const pending = (await store.peek([ROW])).get(ROW)?.dirty?.deltas;
    expect(pending).toEqual(settled.status === 'staged' ? { stock: '1' } : undefined);
    expect((await stageOne(store, call('lost'))).status).toBe(settled.status);
    expect((await store.peek([ROW])).get(ROW)?.dirty?.deltas).toEqual(pending);
  });

  test('that is gone: calls fail at once, nothing is queued, and what was staged is there when it is back', async () => {
    await using server = await redis({ appendfsync: 'always' });
    await using opened = await disposable(openRedisStaging({ redis: server.url, shards: 1 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    await stageOne(store, call('kept'));
    await server.kill9();
    const error = await eventually(async () => {
      const seen = await failure(stageOne(store, call('refused')));
      return seen.code === 'STAGING_UNAVAILABLE' && seen;
    });
    expect((error as SpillwayError).message).toMatch(
      /is not connected; nothing was staged\. Spillway keeps reconnecting/u,
    );
    await server.restart();
    await eventually(async () => stageOne(store, call('later')));
    expect((await store.peek([ROW])).get(ROW)?.dirty?.deltas).toEqual({ stock: '2' });
  });

  test('that is out of memory: staging is refused whole, flushing goes on and makes room', async () => {
    await using server = await redis();
    await using opened = await disposable(openRedisStaging({ redis: server.url, shards: 1, commandTimeoutMs: 10_000 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    await stageOne(store, call('one'));
    await withClient(server.url, async (client) => client.config('SET', 'maxmemory', '1mb'));
    const error = await failure(stageOne(store, call('two')));
    expect(error.code).toBe('STAGING_FULL');
    expect(error.message).toMatch(/is out of memory; nothing was staged/u);
    expect((await failure(store.probe())).code).toBe('STAGING_FULL');
    expect((await store.claim(0, { token: 'T1', predecessor: 'T0', limit: 1 })).status).toBe('batch');
    expect(await store.acknowledge(0, 'T1', new Map(), [])).toBe(true);
    expect(await store.stats()).toMatchObject({ pending: {}, staged: 1 });
  });

  test('that has forgotten the scripts gets them again (F27)', async () => {
    await using server = await redis();
    await using opened = await disposable(openRedisStaging({ redis: server.url, shards: 1 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    await withClient(server.url, async (client) => client.script('FLUSH'));
    await Promise.all(['a', 'b', 'c'].map(async (id) => stageOne(store, call(id))));
    expect((await store.peek([ROW])).get(ROW)?.dirty?.deltas).toEqual({ stock: '3' });
  });

  test('that has been emptied takes no change before the shard is adopted again (H14)', async () => {
    await using server = await redis();
    await using opened = await disposable(openRedisStaging({ redis: server.url, shards: 1 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    await withClient(server.url, async (client) => client.flushall());
    expect(await stageOne(store, call('too early'))).toEqual({ status: 'uninitialised', shards: [0] });
    expect(await store.adopt(0, 'T7')).toBe('adopted');
    expect((await stageOne(store, call('one'))).status).toBe('staged');
    expect((await store.claim(0, { token: 'T8', predecessor: 'T7', limit: 1 })).status).toBe('batch');
  });
});

describe('one namespace', () => {
  test('is refused to a process with another shard map, at every call (M4)', async () => {
    const namespace = freshNamespace();
    await using opened = await disposable(openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 4 }));
    await opened.store.adopt(0, 'T0');
    const error = await failure(openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 8 }));
    expect(error.code).toBe('SHARD_MAP_MISMATCH');
    expect(error.message).toMatch(
      /spread by the shard map 2\.1\/4 \(epoch\/shards\), but this process uses 2\.1\/8; nothing was done\. Give all processes the same "shards"/u,
    );
  });

  test('R9: of an older layout is converted: what is staged stays, copies go, and older releases are refused', async () => {
    const namespace = freshNamespace();
    const open = async () => disposable(openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 2 }));
    const table = { schema: 'public', table: 'product' };
    const shard = shardOf(ROW, 2);
    {
      await using opened = await open();
      const { store } = opened;
      for (const each of [0, 1]) await store.adopt(each, 'T0');
      await stageOne(store, call('one'));
      const answer = (await store.cache.look(table, [ROW])).get(ROW);
      const ticket = answer?.kind === 'ticket' ? answer.ticket : '';
      expect(await store.cache.keep(table, [{ rowKey: ROW, ticket, bytes: Buffer.from('old') }], 60_000)).toBe(1);
    }
    const chains = [0, 1].map((each) => `{${namespace}:${each}}:chain`);
    const epochs = async (client: Redis) => Promise.all(chains.map(async (chain) => client.hget(chain, 'epoch')));
    await withClient(sharedRedisUrl(), async (client) => {
      expect(await epochs(client)).toEqual(['2.1/2', '2.1/2']);
      // As a release of layout 1 has it, which refuses every other epoch.
      for (const chain of chains) await client.hset(chain, 'epoch', '1/2');
    });
    await using opened = await open();
    const { store } = opened;
    expect((await store.cache.look(table, [ROW])).get(ROW)?.kind).toBe('ticket');
    expect((await store.peek([ROW])).get(ROW)?.dirty?.deltas).toEqual({ stock: '1' });
    expect((await store.claim(shard, { token: 'T1', predecessor: 'T0', limit: 1 })).status).toBe('batch');
    await withClient(sharedRedisUrl(), async (client) => {
      expect(await epochs(client)).toEqual(['2.1/2', '2.1/2']);
      await client.hset(chains[shard] ?? '', 'epoch', '3.1/2');
    });
    const error = await failure(stageOne(store, call('two')));
    expect(error.code).toBe('SHARD_MAP_MISMATCH');
    expect(error.message).toMatch(/by a newer release of Spillway \(layout 3; this one knows 2\); nothing was done/u);
  });

  test('R9: is converted for the calls that find its older layout together', async () => {
    const namespace = freshNamespace();
    await using opened = await disposable(openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 1 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    await withClient(sharedRedisUrl(), async (client) => client.hset(`{${namespace}:0}:chain`, 'epoch', '1/1'));
    const answers = await Promise.all(['a', 'b', 'c'].map(async (id) => stageOne(store, call(id))));
    expect(answers.map(({ status }) => status)).toEqual(['staged', 'staged', 'staged']);
  });

  test('has a fixed handful of keys per shard, however many rows are pending', async () => {
    const namespace = freshNamespace();
    await using opened = await disposable(openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 1 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    const rows = Array.from({ length: 50 }, (_, key) =>
      rowKeyOf({ schema: 'public', table: 'product', key: [String(key)] }),
    );
    await stageOne(store, {
      ...call('many'),
      changes: rows.map((rowKey) => ({ ...call('').changes[0], rowKey }) as Change),
    });
    const keys = await withClient(sharedRedisUrl(), async (client) => client.keys(`{${namespace}:*`));
    expect(keys.toSorted()).toEqual(
      ['chain', 'dirty', 'due', 'seen', 'stats'].map((name) => `{${namespace}:0}:${name}`),
    );
  });

  test('takes what is due by a clock that ran ahead as due (M10)', async () => {
    const namespace = freshNamespace();
    await using opened = await disposable(openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 1 }));
    const { store } = opened;
    await store.adopt(0, 'T0');
    await stageOne(store, call('one'));
    await withClient(sharedRedisUrl(), async (client) =>
      client.zadd(`{${namespace}:0}:due`, Date.now() + 3_600_000, ROW),
    );
    expect(await store.due.next()).toEqual([0]);
    expect((await store.claim(0, { token: 'T1', predecessor: 'T0', limit: 1 })).status).toBe('batch');
  });
});

describe('a record that cannot be read', () => {
  const garbage = Buffer.from('c1c1', 'hex');

  async function withGarbage(
    body: (store: Awaited<ReturnType<typeof openRedisStaging>>, row: RowKey) => Promise<void>,
  ): Promise<void> {
    const namespace = freshNamespace();
    await using opened = await disposable(openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 1 }));
    await opened.store.adopt(0, 'T0');
    await stageOne(opened.store, call('one'));
    await withClient(sharedRedisUrl(), async (client) => client.hset(`{${namespace}:0}:dirty`, ROW, garbage));
    await body(opened.store, ROW);
  }

  test('is handed out as such, and buried with its bytes as they are', async () => {
    await withGarbage(async (store) => {
      const claim = await store.claim(0, { token: 'T1', predecessor: 'T0', limit: 1 });
      expect(claim).toMatchObject({
        status: 'batch',
        batch: { records: new Map(), unreadable: new Map([[ROW, expect.stringMatching(/^Unreadable record/u)]]) },
      });
      await store.acknowledge(
        0,
        'T1',
        new Map([[ROW, { kind: 'buried', code: 'UNREADABLE', reason: 'garbage', rejected: false, counted: false }]]),
        [],
      );
      const [letter] = await store.deadLetters.list();
      expect(letter).toMatchObject({ rowKey: ROW, code: 'UNREADABLE', record: { entity: '' } });
      expect(letter && (await store.deadLetters.retry(letter))).toBe('staged');
      expect((await store.claim(0, { token: 'T2', predecessor: 'T1', limit: 1 })).status).toBe('batch');
    });
  });

  test('is not merged with anything, and says so', async () => {
    await withGarbage(async (store, row) => {
      const error = await failure(stageOne(store, call('two')));
      expect(error.code).toBe('CONFIG_INVALID');
      expect(error.message).toContain(`What is staged of row ${row} cannot be read by this release`);
    });
  });

  test('is parked with everything else when the chain is broken', async () => {
    await withGarbage(async (store) => {
      expect(await store.park(0, { inFlight: '', last: 'T0' }, 'TX', 'apply')).toEqual({ parked: 1, doubtful: 0 });
      expect((await store.deadLetters.list()).map(({ code }) => code)).toEqual(['UNREADABLE']);
    });
  });
});

async function disposable<T extends { close(): Promise<void> }>(
  opening: Promise<T>,
): Promise<AsyncDisposable & { readonly store: T }> {
  const store = await opening;
  return { store, [Symbol.asyncDispose]: async () => store.close() };
}
