/**
 * What a developer reads, through `MikroORM.init` and `em.flush()`, when something around Spillway is not as it must
 * be: what happened, to what, and what to do.
 */
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { spillway, type SpillwayOptions } from '@spillway/core';
import { database, freshNamespace, redis, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Item, Page } from './programs/site.js';

let db: Database;
beforeAll(async () => {
  db = await database();
  const orm = await openOrm({});
  await orm.schema.create();
  await orm.close();
});
afterAll(async () => db.drop());

async function openOrm(options: Partial<SpillwayOptions>, settings: Partial<Options> = {}): Promise<MikroORM> {
  const usual = { redis: sharedRedisUrl(), namespace: freshNamespace(), tables: { ensure: true } };
  return MikroORM.init({
    entities: [Page, Item],
    clientUrl: db.url,
    extensions: [spillway({ ...usual, ...options })],
    ...settings,
  });
}

/** The error of the first `em.flush()`, or `undefined` when it works. */
async function errorOf(
  options: Partial<SpillwayOptions>,
  { items = 1, ...settings }: Partial<Options> & { readonly items?: number } = {},
): Promise<unknown> {
  const orm = await openOrm(options, settings);
  const em = orm.em.fork();
  for (let number = 0; number < items; number++) em.create(Item, { id: freshNamespace('item'), text: 'made' });
  try {
    return await em.flush().then(
      () => undefined,
      (error: unknown) => error,
    );
  } finally {
    await orm.close();
  }
}

function spillwayError(code: string, message: RegExp): object {
  return { name: 'SpillwayError', code, message: expect.stringMatching(message) };
}

test('no Redis: names host and port, and what to check', async () => {
  const error = await errorOf({ redis: 'redis://127.0.0.1:1' });
  expect(error).toMatchObject(
    spillwayError(
      'STAGING_UNAVAILABLE',
      /^Redis at 127\.0\.0\.1:1 cannot be reached \(.*ECONNREFUSED.*\)\. Check that it runs there, and that host, port and TLS of the "redis" option are right \[STAGING_UNAVAILABLE\]$/,
    ),
  );
});

test('no PostgreSQL: names host and port, says why it is needed, and that nothing was staged', async () => {
  const error = await errorOf({}, { clientUrl: 'postgres://nobody@127.0.0.1:1/nothing' });
  expect(error).toMatchObject(
    spillwayError(
      'DATABASE_UNAVAILABLE',
      /^PostgreSQL cannot be reached: .*127\.0\.0\.1:1\. At its first use Spillway looks at its tables\. Nothing was staged; try again when the database is back/,
    ),
  );
});

describe('a Redis with a password', () => {
  test.each([
    ['a wrong one', (url: string) => url.replace('right', 'wrong'), 'WRONGPASS'],
    ['none', (url: string) => url.replace(':right@', ''), 'NOAUTH'],
  ])('given %s: says which options to check, and shows no password', async (_given, change, answer) => {
    await using server = await redis({ requirepass: 'right' });
    const error = await errorOf({ redis: change(server.url) });
    expect(error).toMatchObject(
      spillwayError(
        'CONFIG_INVALID',
        new RegExp(
          `^Redis at 127\\.0\\.0\\.1:${server.port} refuses this client \\(${answer} .*\\)\\. Check "username" and "password" of the "redis" option`,
        ),
      ),
    );
    expect(String(error)).not.toMatch(/right|wrong/);
  });
});

describe('a Redis that may lose what is staged', () => {
  test('because it evicts: names the setting and its remedy', async () => {
    await using server = await redis({ 'maxmemory-policy': 'allkeys-lru' });
    expect(await errorOf({ redis: server.url })).toMatchObject(
      spillwayError(
        'REDIS_VOLATILE',
        /evicts keys when its memory is full \(maxmemory-policy allkeys-lru\)\. Set "maxmemory-policy noeviction"\. Staged changes would be lost; if that is meant, set "acceptVolatile: true"/,
      ),
    );
  });

  test('because it writes nothing down: names the setting and its remedy, and is taken if that is meant', async () => {
    await using server = await redis({ appendonly: 'no' });
    expect(await errorOf({ redis: server.url })).toMatchObject(
      spillwayError(
        'REDIS_VOLATILE',
        /keeps nothing over a restart \(no AOF and no save points\)\. Set "appendonly yes"/,
      ),
    );
    expect(await errorOf({ redis: server.url, acceptVolatile: true })).toBeUndefined();
  });
});

describe('without `ensure`,', () => {
  test('tables that are missing: names them, and how to create them', async () => {
    await using empty = await database();
    expect(await errorOf({ tables: {} }, { clientUrl: empty.url })).toMatchObject(
      spillwayError(
        'CONFIG_INVALID',
        /^Spillway's tables cannot be used: .*a table does not exist \(public\.spillway_(?:shard|batch|registry)\)\. .*`tables: \{ ensure: true \}`/,
      ),
    );
  });

  test('shards that are missing: names the namespace, and how to create them', async () => {
    expect(await errorOf({ namespace: 'never-seen', tables: {} })).toMatchObject(
      spillwayError('CONFIG_INVALID', /no shards of the namespace "never-seen"\. .*`tables: \{ ensure: true \}`/),
    );
  });
});

test('a full queue: names the row, the limit, and where to look', async () => {
  const full = { worker: false, shards: 1, defaults: { maxPending: 3, onFull: 'reject' } } as const;
  expect(await errorOf(full, { items: 4 })).toMatchObject(
    spillwayError(
      'STAGING_FULL',
      /^Item item_\w+ was not staged: its queue is full\. PostgreSQL is not keeping up: look at status\(\), then flush again or raise maxPending, of which every shard takes an equal part \(3 rows in the shard of this one\)/,
    ),
  );
});

test('a misspelt option: names it and the one that was meant, before anything is opened', async () => {
  await expect(openOrm({ stageTimout: '1s' } as never)).rejects.toMatchObject(
    spillwayError(
      'CONFIG_INVALID',
      /^Unknown option "stageTimout" in the options of spillway\(\)\. Did you mean "stageTimeout"\?/,
    ),
  );
});
