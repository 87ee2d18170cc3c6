import { eventually, freshNamespace, redis, redisWithReplicas } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { type RowKey, rowKeyOf } from '../../src/change/row-key.js';
import type { Tier } from '../../src/policy/durability.js';
import { redisRights } from '../../src/staging/redis/redis-rights.js';
import { openRedisStaging, type RedisStagingOptions } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisStaging } from '../../src/staging/redis/redis-staging.js';
import type { HoldCall, StageGroup } from '../../src/staging/stage-side.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';

const ROW: RowKey = rowKeyOf({ schema: 'public', table: 'product', key: ['1'] });
const OTHER: RowKey = rowKeyOf({ schema: 'public', table: 'product', key: ['2'] });

type Options = Partial<RedisStagingOptions> & Pick<RedisStagingOptions, 'redis'>;

/** Waits a second for replicas, where others wait for 10 s: for replicas that are stopped. */
const HASTY = { commandTimeoutMs: 3_000 };

/** Waits 4 s: one replica is stopped, and the other has to answer, also where a disk is busy. */
const PATIENT = { commandTimeoutMs: 12_000 };

/** A store of one shard, which is adopted. */
async function opened(options: Options): Promise<RedisStaging & AsyncDisposable> {
  const store = await openRedisStaging({
    namespace: freshNamespace('tiers'),
    shards: 1,
    commandTimeoutMs: 30_000,
    ...options,
  });
  await store.adopt(0, 'T0');
  return Object.assign(store, { [Symbol.asyncDispose]: async () => store.close() });
}

function plusOne(id: string, tier: Tier = 'replicated', rowKey = ROW): StageGroup {
  const change = {
    kind: 'increment',
    entity: 'Product',
    rowKey,
    values: {},
    deltas: { n: '1' },
    originals: {},
  } as const;
  return { id, units: [{ changes: [change] }], rules: { Product: AT_ONCE }, tier };
}

/** What is pending of the row's counter. */
async function pending(store: RedisStaging, row = ROW): Promise<string | undefined> {
  return (await store.peek([row])).get(row)?.dirty?.deltas['n'];
}

const STAGED = { status: 'judged', units: [expect.objectContaining({ status: 'staged' })] };

describe("a group at 'replicated'", () => {
  test('is on the replicas when it is answered', async () => {
    await using servers = await redisWithReplicas(2);
    await using store = await opened({ redis: servers.primary.url });
    const replicas = servers.replicas.map(({ url }) => new Redis(url));
    for (let n = 1; n <= 20; n += 1) {
      expect(await store.stage(plusOne(`call-${n}`))).toEqual(STAGED);
      for (const replica of replicas) expect(await replica.dbsize()).toBeGreaterThan(1);
    }
    for (const replica of replicas) replica.disconnect();
  });

  test('says how many replicas have it if they do not answer in time, and is staged', async () => {
    await using servers = await redisWithReplicas(2);
    await using store = await opened({ ...PATIENT, redis: servers.primary.url });
    servers.replicas[0]?.pause();
    const answer = await store.stage(plusOne('call'));
    servers.replicas[0]?.resume();
    expect(answer).toEqual({ ...STAGED, shortfall: '1 of 2 replicas had it within 4000 ms' });
    expect(await pending(store)).toBe('1');
  });

  test('is waited for once more by its fence, and not staged again', async () => {
    await using servers = await redisWithReplicas(1);
    await using store = await opened({ ...HASTY, redis: servers.primary.url });
    servers.replicas[0]?.pause();
    await store.stage(plusOne('call'));
    const still = await store.fence(plusOne('call'));
    servers.replicas[0]?.resume();
    expect(still).toEqual({ ...STAGED, shortfall: '0 of 1 replicas had it within 1000 ms' });
    await eventually(async () => expect(await store.fence(plusOne('call'))).toEqual(STAGED));
    expect(await pending(store)).toBe('1');
  });

  // WAIT waits for what its own connection has written. The second copy writes nothing of its own.
  test('that is sent again on another connection waits for what its first copy has written (M11)', async () => {
    await using servers = await redisWithReplicas(1);
    const namespace = freshNamespace('again');
    await using store = await opened({ ...HASTY, redis: servers.primary.url, namespace });
    await using later = await opened({ ...HASTY, redis: servers.primary.url, namespace });
    await later.stage(plusOne('before', 'replicated', OTHER));
    servers.replicas[0]?.pause();
    await store.stage(plusOne('call'));
    const again = await later.stage(plusOne('call'));
    const fenced = await later.fence(plusOne('call'));
    servers.replicas[0]?.resume();
    const short = { ...STAGED, shortfall: '0 of 1 replicas had it within 1000 ms' };
    expect([again, fenced]).toEqual([short, short]);
    expect(await pending(store)).toBe('1');
  });

  test('holds up no call that does not wait', async () => {
    await using servers = await redisWithReplicas(1);
    await using store = await opened({ ...HASTY, redis: servers.primary.url });
    servers.replicas[0]?.pause();
    const ends: string[] = [];
    await Promise.all([
      store.stage(plusOne('slow')).then(() => ends.push('replicated')),
      store.stage(plusOne('quick', 'primary', OTHER)).then(() => ends.push('primary')),
    ]);
    servers.replicas[0]?.resume();
    expect(ends).toEqual(['primary', 'replicated']);
  });

  test('is refused where there is no replica, and nothing is staged', async () => {
    await using server = await redis();
    await using store = await opened({ redis: server.url });
    const refused = /has no replica online, .* Start one, .*nothing was staged.*\[DURABILITY_UNSUPPORTED\]$/u;
    await expect(store.stage(plusOne('call'))).rejects.toThrow(refused);
    await expect(store.check({ changes: plusOne('call').units[0]?.changes ?? [] }, {}, 'replicated')).rejects.toThrow(
      refused,
    );
    expect(await pending(store)).toBeUndefined();
  });

  test('is refused once the last replica has gone, and staged again when it is back', async () => {
    await using servers = await redisWithReplicas(1);
    await using store = await opened({ ...HASTY, redis: servers.primary.url });
    await eventually(async () => expect(await store.stage(plusOne('first'))).toEqual(STAGED));
    await servers.replicas[0]?.kill9();
    await servers.online(0);
    let calls = 0;
    await eventually(async () => {
      calls += 1;
      await expect(store.stage(plusOne(`gone-${calls}`))).rejects.toMatchObject({ code: 'DURABILITY_UNSUPPORTED' });
    });
    await servers.replicas[0]?.restart();
    await servers.online(1);
    await eventually(async () => expect(await store.stage(plusOne('last'))).toEqual(STAGED));
  });

  test('is found out about also where its tier cannot be had any more', async () => {
    await using servers = await redisWithReplicas(1);
    await using store = await opened({ ...HASTY, redis: servers.primary.url });
    await store.stage(plusOne('call'));
    await servers.replicas[0]?.kill9();
    await servers.online(0);
    await eventually(async () =>
      expect(await store.fence(plusOne('call'))).toEqual({ ...STAGED, shortfall: 'the server cannot give it now' }),
    );
    expect(await store.fence(plusOne('never'))).toEqual({ status: 'voided' });
  });

  test('waits for one replica where INFO is forbidden, and says so', async () => {
    await using servers = await redisWithReplicas(1);
    const warnings: string[] = [];
    const target = await without(servers.primary, '-info');
    await using store = await opened({ redis: target, onUnverified: (line) => warnings.push(line) });
    expect(await store.stage(plusOne('call'))).toEqual(STAGED);
    await store.stage(plusOne('other'));
    expect(warnings).toEqual([expect.stringMatching(/of Redis at .*waits for one replica, since it forbids INFO/u)]);
  });

  test('needs the rights that redisRights() answers for it, and no others', async () => {
    await using servers = await redisWithReplicas(1);
    const namespace = freshNamespace('tiers');
    const { primary } = servers;
    const target = await withRights(primary, redisRights({ namespace, durability: 'replicated' }));
    await using store = await opened({ redis: target, namespace });
    expect(await store.stage(plusOne('call'))).toEqual(STAGED);
    const claim = await store.claim(0, { token: 'T1', predecessor: 'T0', limit: 9 });
    expect(claim).toMatchObject({ status: 'batch' });
    expect(await store.acknowledge(0, 'T1', new Map(), [ROW])).toBe(true);
    await using poor = await opened({ redis: await withRights(primary, redisRights({ namespace })), namespace });
    await expect(poor.stage(plusOne('other'))).rejects.toThrow(/Give the user \+wait/u);
  });

  test('is refused where WAIT is forbidden', async () => {
    await using servers = await redisWithReplicas(1);
    await using store = await opened({ redis: await without(servers.primary, '-wait') });
    await expect(store.stage(plusOne('call'))).rejects.toThrow(
      /does not let its user run WAIT.* Give the user \+wait/u,
    );
  });
});

test('the opening says what policies ask for and the server cannot give, and goes on', async () => {
  await using server = await redis();
  const warnings: string[] = [];
  const onUnverified = (line: string): void => void warnings.push(line);
  await using store = await opened({ redis: server.url, claimTier: () => 'replicated', onUnverified });
  expect(warnings).toEqual([
    expect.stringMatching(/has no replica online, .* Until then, calls that ask for it are refused$/u),
  ]);
  expect(await store.stage(plusOne('call', 'primary'))).toEqual(STAGED);
});

describe("a group at 'fsynced'", () => {
  test('is on disk when it is answered, where every write is', async () => {
    await using server = await redis({ appendfsync: 'always' });
    await using store = await opened({ redis: server.url });
    expect(await store.stage(plusOne('call', 'fsynced'))).toEqual(STAGED);
    await server.kill9();
    await server.restart();
    await eventually(async () => expect(await pending(store)).toBe('1'));
  });

  test.each([
    { appendonly: 'no' },
    { appendfsync: 'everysec' },
    { appendfsync: 'always', 'no-appendfsync-on-rewrite': 'yes' },
  ])('is refused with the remedy, or waited for by WAITAOF, under %o', async (settings) => {
    await using server = await redis(settings);
    await using store = await opened({ redis: server.url, acceptVolatile: true });
    const isWaitedFor = settings.appendonly !== 'no' && (await knowsWaitAof(server.url));
    const answer = await store.stage(plusOne('call', 'fsynced')).then(({ status }) => status, String);
    expect(answer).toMatch(
      isWaitedFor ? /^judged$/u : /Set "appendonly yes" and "appendfsync always".*\[DURABILITY_UNSUPPORTED\]$/u,
    );
  });

  test('needs the rights that redisRights() answers for it', async () => {
    await using server = await redis({ appendfsync: 'always' });
    const namespace = freshNamespace('tiers');
    const isKnown = await knowsWaitAof(server.url);
    // A server that does not know the command refuses the right.
    const rights = redisRights({ namespace, ...(isKnown && { durability: ['replicated', 'fsynced'] }) });
    await using store = await opened({ redis: await withRights(server, rights), namespace });
    expect(await store.stage(plusOne('call', 'fsynced'))).toEqual(STAGED);
  });

  test('is unverified where CONFIG is forbidden and nothing can be waited for', async () => {
    await using server = await redis({ appendfsync: 'always' });
    const warnings: string[] = [];
    const target = await without(server, '-config', '-waitaof');
    await using store = await opened({ redis: target, onUnverified: (line) => warnings.push(line) });
    expect(await store.stage(plusOne('call', 'fsynced'))).toEqual(STAGED);
    expect(warnings).toEqual([
      expect.stringMatching(/durability: 'fsynced' is unverified, since it forbids CONFIG GET/u),
    ]);
  });

  test('waits for replicas too where others of its flush ask for them', async () => {
    await using servers = await redisWithReplicas(1, { appendfsync: 'always' });
    const namespace = freshNamespace('both');
    await using store = await opened({ redis: servers.primary.url, namespace });
    await using hasty = await opened({ ...HASTY, redis: servers.primary.url, namespace });
    expect(await store.stage(plusOne('call', 'both'))).toEqual(STAGED);
    servers.replicas[0]?.pause();
    const answer = await hasty.stage(plusOne('other', 'both'));
    servers.replicas[0]?.resume();
    expect(answer).toMatchObject({ shortfall: '0 of 1 replicas had it within 1000 ms' });
  });
});

describe('a hold', () => {
  test('that replicas do not have is an error, so that nobody commits it', async () => {
    await using servers = await redisWithReplicas(1);
    const namespace = freshNamespace('holds');
    await using store = await opened({ redis: servers.primary.url, namespace });
    await using hasty = await opened({ ...HASTY, redis: servers.primary.url, namespace });
    const { units, rules } = plusOne('call');
    const call = {
      shard: 0,
      id: 'one',
      transaction: 'one',
      standing: [],
      changes: units[0]?.changes ?? [],
      rules,
      tier: 'replicated',
    } satisfies HoldCall;
    expect(await store.held.hold(call)).toMatchObject({ status: 'staged' });
    servers.replicas[0]?.pause();
    const later = hasty.held.hold({ ...call, id: 'two', standing: ['one'] });
    await expect(later).rejects.toThrow(/0 of 1 replicas .* Roll back, and try again.*\[DURABILITY_NOT_REACHED\]$/u);
    servers.replicas[0]?.resume();
  });
});

describe('a claim, where policies ask for replicas', () => {
  const claim = { token: 'T1', predecessor: 'T0', limit: 10 };

  test('hands out nothing that replicas do not have, and the same batch once they do', async () => {
    await using servers = await redisWithReplicas(1);
    await using store = await opened({ ...HASTY, redis: servers.primary.url, claimTier: () => 'replicated' });
    await store.stage(plusOne('call'));
    servers.replicas[0]?.pause();
    await expect(store.claim(0, claim)).rejects.toThrow(/0 of 1 replicas .*not written yet.*\[STAGING_TIMEOUT\]$/u);
    servers.replicas[0]?.resume();
    await eventually(async () =>
      expect(await store.claim(0, { ...claim, token: 'T2' })).toMatchObject({ batch: { token: 'T1' } }),
    );
  });

  test('waits also in a process that has staged so by a call', async () => {
    await using servers = await redisWithReplicas(1);
    await using store = await opened({ ...HASTY, redis: servers.primary.url });
    await store.stage(plusOne('call'));
    servers.replicas[0]?.pause();
    await expect(store.claim(0, claim)).rejects.toThrow(/\[STAGING_TIMEOUT\]$/u);
    servers.replicas[0]?.resume();
  });

  test('waits while no replica is online, as on a primary that is being replaced', async () => {
    await using server = await redis();
    await using store = await opened({ redis: server.url, claimTier: () => 'replicated' });
    await store.stage(plusOne('call', 'primary'));
    await expect(store.claim(0, claim)).rejects.toThrow(/no replica online.*for 30000 ms.*\[STAGING_UNAVAILABLE\]$/u);
    expect(await pending(store)).toBe('1');
  });

  test("waits for that also while others stage at 'fsynced', who ask for no replica", async () => {
    await using server = await redis({ appendfsync: 'always' });
    // Less than this process has lived.
    const aloneMs = Math.min(30_000, performance.now() / 2);
    await using store = await opened({ redis: server.url, claimTier: () => 'both', aloneMs });
    await store.stage(plusOne('call', 'primary'));
    await expect(store.claim(0, claim)).rejects.toThrow(/\[STAGING_UNAVAILABLE\]$/u);
    expect(await store.stage(plusOne('other', 'fsynced'))).toEqual(STAGED);
    await expect(store.claim(0, claim)).rejects.toThrow(/no replica online.*\[STAGING_UNAVAILABLE\]$/u);
    expect(await pending(store)).toBe('2');
  });

  test('goes without them once that has lasted: PostgreSQL is the second place then', async () => {
    await using server = await redis();
    await using store = await opened({ redis: server.url, claimTier: () => 'replicated', aloneMs: 0 });
    await store.stage(plusOne('call', 'primary'));
    expect(await store.claim(0, claim)).toMatchObject({ status: 'batch', batch: { token: 'T1' } });
  });
});

/** The URL of a user that may do everything but this. */
async function without(
  { url, port }: { readonly url: string; readonly port: number },
  ...rules: string[]
): Promise<string> {
  const admin = new Redis(url);
  const known = await Promise.all(rules.map(async (rule) => admin.call('COMMAND', 'INFO', rule.slice(1))));
  const said = rules.filter((_, at) => (known[at] as readonly unknown[])[0] !== null);
  await admin.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', ...said);
  admin.disconnect();
  return `redis://limited:secret@127.0.0.1:${port}`;
}

/** The URL of a user that has these rights, and no others. */
async function withRights(
  { url, port }: { readonly url: string; readonly port: number },
  rights: string,
): Promise<string> {
  const admin = new Redis(url);
  await admin.call('ACL', 'SETUSER', 'exact', 'reset', 'on', '>secret', ...rights.split(' '));
  admin.disconnect();
  return `redis://exact:secret@127.0.0.1:${port}`;
}

async function knowsWaitAof(url: string): Promise<boolean> {
  const client = new Redis(url);
  const [known] = (await client.call('COMMAND', 'INFO', 'waitaof')) as readonly unknown[];
  client.disconnect();
  return known !== null;
}
