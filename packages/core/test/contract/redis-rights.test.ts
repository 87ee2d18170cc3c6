import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import type { SpillwayError } from '../../src/errors.js';
import type { StagingLimits } from '../../src/staging/limits.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { redisRights } from '../../src/staging/redis/redis-rights.js';
import { commandsOf, SCRIPTS } from '../../src/staging/redis/scripts.js';
import type { Batch } from '../../src/staging/flush-side.js';
import type { StagingStore } from '../../src/staging/staging-store.js';
import { Bench } from '../../src/testing/contract/bench.js';

const admin = new Redis(sharedRedisUrl());
afterAll(async () => void (await admin.quit()));

const listedRights = redisRights()
  .split(' ')
  .filter((right) => right.startsWith('+'));

/** A user that has the rights that `redisRights()` answers, but for some. */
class LimitedUser {
  readonly namespace = freshNamespace();

  async give(rights: readonly string[]): Promise<void> {
    await admin.call('ACL', 'SETUSER', this.namespace, 'on', '>secret', 'resetkeys', `~{${this.namespace}:*`);
    await admin.call('ACL', 'SETUSER', this.namespace, 'nocommands', ...rights);
  }

  async giveAllBut(...without: readonly string[]): Promise<void> {
    await this.give(listedRights.filter((right) => !without.includes(right)));
  }

  /** Takes rights away from a user that is connected. */
  async lose(...rights: readonly string[]): Promise<void> {
    await admin.call('ACL', 'SETUSER', this.namespace, ...rights.map((right) => right.replace('+', '-')));
  }

  async open(limits: Partial<StagingLimits> = {}): Promise<StagingStore> {
    const url = new URL(sharedRedisUrl());
    url.username = this.namespace;
    url.password = 'secret';
    const { namespace } = this;
    return openRedisStaging({ shards: Bench.shards, redis: url.href, namespace, ...limits, acceptVolatile: true });
  }
}

async function storeOf(
  limits: Partial<StagingLimits> = {},
): Promise<{ store: StagingStore; bench: Bench; user: LimitedUser }> {
  const user = new LimitedUser();
  await user.giveAllBut();
  const store = await user.open(limits);
  await store.adopt(0, 'T0');
  return { store, bench: new Bench(store), user };
}

const failureOf = async (act: Promise<unknown>): Promise<SpillwayError> =>
  act.then(
    () => expect.unreachable('it has not failed'),
    (error: unknown) => error as SpillwayError,
  );

test('the rights that redisRights() answers are enough for copies of rows', async () => {
  const { store, bench } = await storeOf();
  const table = { schema: 'public', table: 'product' };
  expect(await bench.stage({ kind: 'insert' })).toMatchObject({ status: 'staged' });
  await bench.flush();
  const answer = (await store.cache.look(table, [bench.row(1)])).get(bench.row(1));
  expect(answer?.kind).toBe('ticket');
  const ticket = answer?.kind === 'ticket' ? answer.ticket : '';
  await store.cache.keep(table, [{ rowKey: bench.row(1), ticket, bytes: new Uint8Array([1]) }], 60_000);
  expect((await store.cache.look(table, [bench.row(1)])).get(bench.row(1))?.kind).toBe('copy');
  await store.close();
});

describe('a right that is missing is said when Redis is opened, by its name, and nothing is staged', () => {
  /** Spillway goes on without what these would tell. */
  const optional = ['+config|get', '+info'];

  test.each(listedRights.filter((right) => !optional.includes(right)))('%s', async (right) => {
    const user = new LimitedUser();
    await user.giveAllBut(right);
    const error = await failureOf(user.open());
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(new RegExp(`\\b${right.slice(1)}\\b`, 'iu'));
    expect(error.message).toMatch(/SECURITY\.md lists/u);
    expect(await admin.keys(`{${user.namespace}:*`)).toEqual([]);
  });

  test.each(optional)('but for %s', async (right) => {
    const user = new LimitedUser();
    await user.giveAllBut(right);
    const store = await user.open();
    await store.adopt(0, 'T0');
    expect(await new Bench(store).stage({ kind: 'insert' })).toMatchObject({ status: 'staged' });
    await store.close();
  });

  test('all of them in one message', async () => {
    const user = new LimitedUser();
    await user.giveAllBut('+rename', '+pexpire');
    const { message } = await failureOf(user.open());
    expect(message).toContain(
      `does not let its user run PEXPIRE, RENAME, which Spillway's scripts need; nothing was staged. ` +
        'Give the user +pexpire +rename: SECURITY.md lists all rights that are needed',
    );
  });
});

test('every command of a script is tried when Redis is opened', () => {
  const used = new Set(
    Object.values(SCRIPTS)
      .filter(({ name }) => name !== 'rights')
      .flatMap(({ source }) => [...commandsOf(source)]),
  );
  const tried = [...SCRIPTS.rights.source.matchAll(/^ {2}\{ '(\w+)'/gmu)].map(([, command = '']) => command);
  // HSCAN is sent by itself.
  expect(tried.toSorted()).toEqual([...used, 'hscan'].toSorted());
});

test('a call that is refused for a right which was taken away has staged nothing', async () => {
  const { store, bench, user } = await storeOf({ seenMs: 1 });
  await user.lose('+rename');
  let accepted = 0;
  for (let tries = 0; tries < 20; tries += 1) {
    const staged = bench.stage({ kind: 'increment', deltas: { stock: '1' } });
    accepted += await staged.then(
      () => 1,
      () => 0,
    );
  }
  expect(accepted).toBeLessThan(20);
  expect((await bench.dirty())?.deltas['stock'] ?? '0').toBe(String(accepted));
  await store.close();
});

const again = new Map([
  [Bench.prototype.row(0), { kind: 'again', attempts: 1, delayMs: 0, reason: 'parent' } as const],
]);

/** What ends a batch, and the rights that it cannot do without. */
const ENDS: readonly (readonly [
  name: string,
  rights: readonly string[],
  end: (store: StagingStore, batch: Batch) => Promise<unknown>,
])[] = [
  [
    'an acknowledgement',
    ['+rename', '+exists', '+del', '+time', '+@hash', '+@sortedset'],
    async (store, { token }) => store.acknowledge(0, token, again, []),
  ],
  [
    'parking',
    ['+del', '+time', '+@hash', '+@sortedset'],
    async (store, { token, predecessor }) => store.park(0, { inFlight: token, last: predecessor }, 'TX', 'park'),
  ],
  [
    'emptying a table',
    ['+del', '+@hash', '+@sortedset'],
    async (store, { token }) =>
      store.empty(0, { kind: 'tables', tables: [{ schema: 'public', table: 'product' }] }, token),
  ],
];

describe.each(ENDS)('%s that is refused for a right which was taken away has changed nothing', (_, rights, end) => {
  test.each(rights)('%s', async (right) => {
    const { store, bench, user } = await storeOf({ rememberRows: 1 });
    await bench.stage({ rowKey: bench.row(1), kind: 'insert' });
    await bench.flush();
    await bench.stage({ kind: 'insert' });
    const batch = await bench.claim();
    await bench.stage({ rowKey: bench.row(2), kind: 'insert' });
    await user.lose(right);
    const before = await contentOf(user.namespace);
    const failure = await failureOf(end(store, batch));
    expect(failure).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(failure.message).toMatch(/refuses this client .*Give the user the rights/u);
    expect(await contentOf(user.namespace)).toEqual(before);
    await user.giveAllBut();
    await end(store, batch);
    expect(await store.chain(0)).not.toMatchObject({ inFlight: batch.token });
    await store.close();
  });
});

/** Every key of a namespace, with what it holds. */
async function contentOf(namespace: string): Promise<ReadonlyMap<string, string>> {
  const keys = (await admin.keys(`{${namespace}:*`)).toSorted();
  const dumps = await Promise.all(keys.map(async (key) => admin.dumpBuffer(key)));
  return new Map(keys.map((key, at) => [key, dumps[at]?.toString('hex') ?? '']));
}
