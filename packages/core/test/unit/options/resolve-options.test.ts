import { Redis } from 'ioredis';
import { describe, expect, it, vi } from 'vitest';
import type { ResolvedOptions, SpillwayOptions } from '../../../src/options.js';
import { resolveOptions } from '../../../src/resolve-options.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

const REDIS = 'redis://localhost:1';

class Product {
  stock!: number;
}

/** Tests hand over what a caller without types could write. */
function resolve(options: unknown): ResolvedOptions {
  return resolveOptions(options as SpillwayOptions<[]>);
}

function withRedis(options: object): ResolvedOptions {
  return resolve({ redis: REDIS, ...options });
}

/** As much of a store as its recognition needs. */
function storeOf(shards: number): StagingStore {
  return { shards, stage: () => Promise.reject(new Error('not asked here')) } as unknown as StagingStore;
}

describe('the options', () => {
  it('have a default for everything but where to stage', () => {
    expect(resolve({ redis: REDIS })).toEqual({
      staging: { kind: 'redis', target: REDIS },
      namespace: 'app',
      policies: [],
      defaults: {},
      worker: { concurrency: 2, batchSize: 500, pollIntervalMs: 50 },
      enabled: true,
      leaveAfterMs: 30_000,
      stageTimeoutMs: 2_000,
      rememberMs: 300_000,
      acceptVolatile: false,
      cacheBytes: 67_108_864,
      keepLetters: 100_000,
      keepLettersMs: 0,
      tables: { ensure: false },
    });
  });

  it('make a worker of a process by SPILLWAY_WORKER, whatever they say', () => {
    vi.stubEnv('SPILLWAY_WORKER', '1');
    expect(withRedis({ worker: false }).worker).toEqual({ concurrency: 2, batchSize: 500, pollIntervalMs: 50 });
    expect(withRedis({ worker: { concurrency: 5 } }).worker).toMatchObject({ concurrency: 5 });
    vi.unstubAllEnvs();
    expect(withRedis({ worker: false }).worker).toBeUndefined();
  });

  it('can all be given', () => {
    const policies = [[Product, { counters: ['stock'] }]];
    const options = {
      redis: 'rediss://user:secret@redis.example:6380/2',
      namespace: 'shop:eu-1.a_b',
      shards: 8,
      policies,
      defaults: { debounce: '10ms' },
      worker: { concurrency: 4, batchSize: 100, pollInterval: '1s' },
      enabled: false,
      leaveAfter: '1m',
      stageTimeout: 500,
      remember: '1m',
      acceptVolatile: true,
      cache: { maxBytes: 1_000_000 },
      deadLetters: { keep: 500, keepFor: '720h' },
      tables: { schema: 'spillway', ensure: true },
      logger: console,
    };
    expect(resolve(options)).toEqual({
      staging: { kind: 'redis', target: options.redis },
      namespace: 'shop:eu-1.a_b',
      shards: 8,
      policies,
      defaults: { debounce: '10ms' },
      worker: { concurrency: 4, batchSize: 100, pollIntervalMs: 1_000 },
      enabled: false,
      leaveAfterMs: 60_000,
      stageTimeoutMs: 500,
      rememberMs: 60_000,
      acceptVolatile: true,
      cacheBytes: 1_000_000,
      keepLetters: 500,
      keepLettersMs: 2_592_000_000,
      tables: { schema: 'spillway', ensure: true },
      logger: console,
    });
  });

  it('take ioredis options and an ioredis client as Redis, and do not touch the client', () => {
    const options = { host: 'redis.example', sentinels: [{ host: 'sentinel.example' }], name: 'shop' };
    expect(withRedis({ redis: options }).staging).toEqual({ kind: 'redis', target: options });

    const client = new Redis(REDIS, { lazyConnect: true });
    expect(withRedis({ redis: client }).staging).toMatchObject({ kind: 'redis' });
    expect(client.status).toBe('wait');
  });

  it('take a staging store, whose number of shards holds, or a function that makes one', () => {
    const store = storeOf(4);
    const create = () => store;
    expect(resolve({ staging: store })).toMatchObject({ staging: { kind: 'store', store }, shards: 4 });
    expect(resolve({ staging: store, shards: 4 }).shards).toBe(4);
    expect(resolve({ staging: create })).toMatchObject({ staging: { kind: 'factory', create }, shards: 64 });
  });

  it('have no worker where it is false, and the default one where it is true or empty', () => {
    expect(withRedis({ worker: false })).not.toHaveProperty('worker');
    expect(withRedis({ worker: true }).worker).toEqual({ concurrency: 2, batchSize: 500, pollIntervalMs: 50 });
    expect(withRedis({ worker: { batchSize: 7 } }).worker).toMatchObject({ concurrency: 2, batchSize: 7 });
  });

  it.each([
    { namespace: 'a' },
    { namespace: 'n'.repeat(64) },
    { shards: 1 },
    { shards: 4_096 },
    { stageTimeout: 10 },
    { stageTimeout: '5m' },
    { remember: '1s' },
    { remember: '24h' },
    { worker: { concurrency: 1, batchSize: 1, pollInterval: 1 } },
    { worker: { concurrency: 64, batchSize: 10_000, pollInterval: '1m' } },
    { tables: { schema: 's'.repeat(63) } },
  ])('may be at their limits: %j', (options) => {
    expect(() => withRedis(options)).not.toThrow();
  });
});

describe('options are refused', () => {
  it.each([
    [{ namespace: '' }, "namespace in the options of spillway() is ''; it must be 1 to 64 letters, digits, '.'"],
    [
      { namespace: 'a{b}' },
      'namespace in the options of spillway() is a text of 4 characters; it must be 1 to 64 letters',
    ],
    [{ namespace: 'n'.repeat(65) }, 'it must be 1 to 64 letters'],
    [{ shards: 0 }, 'shards in the options of spillway() is 0; it must be a whole number between 1 and 4096'],
    [{ shards: 4_097 }, 'shards in the options of spillway() is 4097; it must be a whole number between 1 and 4096'],
    [{ stageTimeout: 9 }, 'stageTimeout in the options of spillway() is 9ms; it must lie between 10ms and 5m'],
    [{ stageTimeout: '2' }, "stageTimeout in the options of spillway() is '2', which is no duration"],
    [{ remember: '999ms' }, 'remember in the options of spillway() is 999ms; it must lie between 1s and 24h'],
    [{ leaveAfter: '2h' }, 'leaveAfter in the options of spillway() is 2h; it must lie between 0ms and 1h'],
    [{ enabled: 'no' }, "enabled in the options of spillway() is 'no'; it must be true or false"],
    [{ acceptVolatile: 'yes' }, "acceptVolatile in the options of spillway() is 'yes'; it must be true or false"],
    [
      { worker: 2 },
      'Expected an object of options as worker in the options of spillway(), not 2. Known are concurrency',
    ],
    [{ worker: null }, 'Expected an object of options as worker in the options of spillway(), not null'],
    [
      { worker: { concurency: 2 } },
      'Unknown option "worker.concurency" in the options of spillway(). Did you mean "worker.concurrency"?',
    ],
    [
      { worker: { concurrency: 65 } },
      'worker.concurrency in the options of spillway() is 65; it must be a whole number between 1 and 64',
    ],
    [
      { worker: { batchSize: 10_001 } },
      'worker.batchSize in the options of spillway() is 10001; it must be a whole number between 1 and 10000',
    ],
    [
      { worker: { pollInterval: 0 } },
      'worker.pollInterval in the options of spillway() is 0ms; it must lie between 1ms and 1m',
    ],
    [
      { tables: { schema: '' } },
      "tables.schema in the options of spillway() is ''; it must be the name of a schema, 1 to 63 characters",
    ],
    [{ tables: { ensure: 1 } }, 'tables.ensure in the options of spillway() is 1; it must be true or false'],
    [
      { logger: { warn: () => undefined } },
      'logger in the options of spillway() is an object; it must have the methods warn(message) and error(message), as console has; error is missing',
    ],
    [{ logger: 'console' }, "logger in the options of spillway() is 'console'; it must have the methods warn(message)"],
    [{ defaults: { debounce: '5' } }, "debounce in the defaults of spillway() is '5', which is no duration"],
    [{ defaults: null }, 'Expected an object of options as the defaults of spillway(), not null'],
    [{ policies: {} }, 'policies in the options of spillway() is an object; it must be an array of pairs'],
    [
      { policies: [[Product, {}], Product] },
      'policies[1] in the options of spillway() is a function; it must be a pair of an entity class, schema or repository class and its policy',
    ],
    [{ policies: [['Product', {}]] }, 'policies[0] in the options of spillway() is an array; it must be a pair'],
    [
      { policies: [[Product, { debonce: 1 }]] },
      'Unknown option "debonce" in the policy of Product. Did you mean "debounce"?',
    ],
    [
      { policies: [[{ class: Product }, { maxPending: 0 }]] },
      'maxPending in the policy of Product is 0; it must be a whole number',
    ],
  ])('for %o', (options, message) => {
    expect(() => withRedis(options)).toThrow(message);
    expect(() => withRedis(options)).toThrow('[CONFIG_INVALID]');
  });

  it('for an option that does not exist, with those that do', () => {
    expect(() => withRedis({ evictable: false })).toThrow(
      'Unknown option "evictable" in the options of spillway(). Known are redis, staging, namespace, shards, policies, ' +
        'defaults, worker, enabled, leaveAfter, stageTimeout, remember, acceptVolatile, cache, deadLetters, tables, logger [CONFIG_INVALID]',
    );
    expect(() => withRedis({ namepace: 'x' })).toThrow('Did you mean "namespace"?');
  });

  it('for saying nothing of where to stage, or saying it twice', () => {
    const remedy = "Say where changes are staged by one of them, such as redis: 'redis://localhost:6379'";
    expect(() => resolve({})).toThrow(`spillway() was given neither redis nor staging. ${remedy}`);
    expect(() => withRedis({ staging: storeOf(1) })).toThrow(`spillway() was given both redis and staging. ${remedy}`);
    expect(() => resolve(undefined)).toThrow(
      'Expected an object of options as the options of spillway(), not undefined. Known are redis',
    );
  });

  it('for a Redis URL that is none, without showing it', () => {
    const message =
      'redis in the options of spillway() is a text that is no Redis URL. Write redis://user:password@host:6379/0, or rediss:// for TLS [CONFIG_INVALID]';
    for (const redis of ['localhost:6379', 'postgres://user:secret@host', '', 'redis//:secret@host']) {
      expect(() => withRedis({ redis })).toThrow(message);
    }
  });

  it.each([
    [5, 'redis in the options of spillway() is 5; it must be a URL, ioredis options or an ioredis client'],
    [[REDIS], 'redis in the options of spillway() is an array; it must be a URL'],
    [null, 'redis in the options of spillway() is null; it must be a URL'],
    [
      { scaleReads: 'all' },
      'redis in the options of spillway() is about several servers (scaleReads). Give one Redis server',
    ],
    [{ isCluster: true }, 'redis in the options of spillway() is an ioredis Cluster that names no servers'],
  ])('for a Redis that is %j', (redis, message) => {
    expect(() => withRedis({ redis })).toThrow(message);
  });

  it('for a staging store that is none, or that has other shards than are asked for', () => {
    expect(() => resolve({ staging: {} })).toThrow(
      'staging in the options of spillway() is an object; it must be a staging store, or a function that makes one',
    );
    expect(() => resolve({ staging: storeOf(4), shards: 8 })).toThrow(
      'shards in the options of spillway() is 8; it must be left out, or be 4 as in the store given by staging',
    );
  });
});
