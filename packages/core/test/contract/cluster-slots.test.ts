import {
  cluster,
  eventually,
  freshNamespace,
  redis,
  type ClusterServer,
  type TestCluster,
} from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowKeyOf, shardOf, type RowKey } from '../../src/change/row-key.js';
import { RedisCluster } from '../../src/staging/cluster/cluster.js';
import { slotOfShard, slotOfTag } from '../../src/staging/cluster/hash-slot.js';
import { openClusterStaging } from '../../src/staging/cluster/open-cluster-staging.js';
import { SlotLink } from '../../src/staging/cluster/slot-link.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { redisRights } from '../../src/staging/redis/redis-rights.js';
import { SCRIPTS, type Script } from '../../src/staging/redis/scripts.js';

/** Adds one to the first key, and answers the sum of all. */
const PLUS_ONE: Script = {
  ...SCRIPTS.adopt,
  source:
    "redis.call('INCR', KEYS[1]) local sum = 0 for _, key in ipairs(KEYS) do sum = sum + tonumber(redis.call('GET', key) or '0') end return {sum}",
  sha: '0'.repeat(40),
};

let servers: TestCluster;
beforeAll(async () => {
  servers = await cluster(3);
});
afterAll(async () => servers[Symbol.asyncDispose]());

/** A slot of a test's own, with the server that has it and another one. */
class Place implements AsyncDisposable {
  readonly tag = freshNamespace();
  readonly slot = slotOfTag(this.tag);
  readonly links: SlotLink[] = [];
  readonly #clusters: RedisCluster[] = [];

  get from(): ClusterServer {
    return servers.servers[Math.floor((this.slot * 3) / 16_384)] as ClusterServer;
  }

  get to(): ClusterServer {
    return servers.servers.find(({ id }) => id !== this.from.id) as ClusterServer;
  }

  key(name: string): string {
    return `{${this.tag}}:${name}`;
  }

  async link(commandTimeoutMs = 5_000): Promise<SlotLink> {
    const choice = { nodes: servers.servers.map(({ port }) => `127.0.0.1:${port}`), shared: {} };
    const opened = await RedisCluster.open(choice, { commandTimeoutMs });
    this.#clusters.push(opened);
    return new SlotLink(opened, this.slot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clusters.map(async (each) => each.close()));
    await servers.moveKeys(this.slot, this.from, this.to);
    await servers.endMove(this.slot, this.to);
  }
}

describe('a slot of a cluster', () => {
  it('F24: is found where it has moved, and asked there from then on', async () => {
    await using place = new Place();
    const link = await place.link();
    const add = async (): Promise<unknown> => link.run(PLUS_ONE, [place.key('one')], []);
    expect(await add()).toEqual([1]);
    await servers.move(place.slot, place.from, place.to);
    expect(await Promise.all([add(), add(), add()])).toEqual([[2], [3], [4]]);
    expect(link.server).toBe(`127.0.0.1:${place.to.port}`);
  });

  it('F24: is asked for on the server that is receiving it, with nothing in between', async () => {
    await using place = new Place();
    const link = await place.link();
    await servers.beginMove(place.slot, place.from, place.to);
    const adds = Array.from({ length: 200 }, async () => link.run(PLUS_ONE, [place.key('one')], []));
    const sets = Array.from({ length: 200 }, async (_, at) => link.command('SET', [place.key(`set ${at}`), at]));
    await Promise.all(sets);
    expect((await Promise.all(adds)).flat()).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
    expect(await servers.command(place.from, 'CLUSTER', 'COUNTKEYSINSLOT', place.slot)).toBe(0);
  });

  it('F24: that is on two servers is waited for, until it is on one', async () => {
    await using place = new Place();
    const link = await place.link(60_000);
    await link.run(PLUS_ONE, [place.key('one')], []);
    await servers.beginMove(place.slot, place.from, place.to);
    const adding = link.run(PLUS_ONE, [place.key('one'), place.key('two')], []);
    await eventually(async () => String(await servers.command(place.from, 'INFO', 'errorstats')).includes('TRYAGAIN'), {
      what: 'the call to be put off',
    });
    await servers.moveKeys(place.slot, place.from, place.to);
    await servers.endMove(place.slot, place.to);
    expect(await adding).toEqual([2]);
  });

  it('that stays on two servers is given up, with nothing staged', async () => {
    await using place = new Place();
    const link = await place.link(300);
    await link.run(PLUS_ONE, [place.key('one')], []);
    await servers.beginMove(place.slot, place.from, place.to);
    await expect(link.run(PLUS_ONE, [place.key('one'), place.key('two')], [])).rejects.toThrow(
      /^The Redis Cluster takes no commands for the slot now, says 127\.0\.0\.1:\d+ \(TRYAGAIN .*\); nothing was staged\. Try again when the slot has moved, or another server has taken its place \[STAGING_UNAVAILABLE\]$/u,
    );
    expect(await link.command('GET', [place.key('one')])).toEqual(Buffer.from('1'));
  });
});

describe('a server of a cluster', () => {
  const open = async (shards: number, namespace: string, more: object = {}) =>
    openClusterStaging({
      redis: { nodes: servers.servers.map(({ port }) => `127.0.0.1:${port}`), shared: {} },
      namespace,
      shards,
      ...more,
    });

  it('that stands alone is refused, with the remedy', async () => {
    await using alone = await redis();
    const nodes = [`127.0.0.1:${alone.port}`];
    await expect(openClusterStaging({ redis: { nodes, shared: {} }, namespace: 'n', shards: 4 })).rejects.toThrow(
      /is not a node of a Redis Cluster \(ERR This instance has cluster support disabled\), but "redis" names it in "cluster"; nothing was staged\. Give a server that stands alone by its URL, and several of them as \{ nodes: \[\.\.\.\] \} \[CONFIG_INVALID\]$/u,
    );
  });

  it('given alone is refused, with the remedy', async () => {
    const redisUrl = servers.servers[0]?.url ?? '';
    await expect(openRedisStaging({ redis: redisUrl, namespace: freshNamespace(), shards: 64 })).rejects.toThrow(
      /is a node of a Redis Cluster, which spreads keys over several servers \(.*\)\. Give the "redis" option the cluster, as \{ cluster: \[\.\.\.\] \}; nothing was staged/u,
    );
  });

  it('believes no copy of the server that had the slot before, where a look is sent on', async () => {
    const namespace = freshNamespace();
    await using store = closing(await open(8, namespace));
    await store.value.adopt(0, 'T0');
    const key = rowOf(0, 8);
    const look = async (): Promise<unknown> => (await store.value.cache.look(BOOKS, [key])).get(key);
    const { ticket } = (await look()) as { readonly ticket: string };
    expect(await store.value.cache.keep(BOOKS, [{ rowKey: key, ticket, bytes: Buffer.from('copy') }], 60_000)).toBe(1);
    expect(await look()).toMatchObject({ kind: 'copy' });
    const slot = slotOfShard(0, 8);
    const [from, to] = servers.servers as [ClusterServer, ClusterServer];
    await servers.move(slot, from, to);
    expect(await look()).toMatchObject({ kind: 'ticket' });
    await servers.move(slot, to, from);
  });

  it('has the number of shards: another number is refused', async () => {
    const namespace = freshNamespace();
    await using _ = closing(await open(8, namespace));
    await expect(open(16, namespace)).rejects.toThrow(
      /^This namespace stands in the Redis Cluster at 127\.0\.0\.1:\d+ as cluster\/8 \(shards\), but this process uses cluster\/16; nothing was done\. Give all processes the same "shards", or this one another namespace\. reshard\(\) moves the shards to another number; docs\/operations\.md says how \[SHARD_MAP_MISMATCH\]$/u,
    );
  });

  it('needs the rights that redisRights() answers for a cluster', async () => {
    await using own = await cluster(3);
    const nodes = own.servers.map(({ port }) => `127.0.0.1:${port}`);
    const [username, password] = ['limited', 'secret'];
    const asLimited = async () =>
      openClusterStaging({
        redis: { nodes, shared: { username, password } },
        namespace: freshNamespace(),
        shards: 6,
      });
    const give = async (topology: 'single' | 'cluster'): Promise<void> => {
      const rights = redisRights({ namespace: 'test', topology })
        .split(' ')
        .map((word) => word.replace('{test:', '{'));
      for (const server of own.servers)
        await own.command(server, 'ACL', 'SETUSER', username, 'on', `>${password}`, ...rights);
    };
    await give('single');
    await expect(asLimited()).rejects.toThrow(/refuses this client \(NOPERM .*cluster\|slots.*SECURITY\.md/u);
    await give('cluster');
    await using store = closing(await asLimited());
    expect(await store.value.adopt(0, 'T0')).toBe('adopted');
  });

  it('that does not answer ends the calls of its own shards alone', async () => {
    await using own = await cluster(3);
    const nodes = own.servers.map(({ port }) => `127.0.0.1:${port}`);
    await using store = closing(
      await openClusterStaging({
        redis: { nodes, shared: {} },
        namespace: freshNamespace(),
        shards: 6,
        commandTimeoutMs: 500,
      }),
    );
    const [frozen] = own.servers;
    process.kill(frozen?.pid ?? 0, 'SIGSTOP');
    const adopted = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(async (shard) => store.value.adopt(shard, 'T0')));
    expect(adopted.map((each) => (each.status === 'fulfilled' ? each.value : codeOf(each.reason)))).toEqual([
      'STAGING_TIMEOUT',
      'STAGING_TIMEOUT',
      'adopted',
      'adopted',
      'adopted',
      'adopted',
    ]);
    const next = await store.value.due.next();
    expect(next.map((each) => each instanceof Error)).toEqual([true, true, false, false, false, false]);
    // All shards of the server fail by one error: a worker tells them as one.
    expect(next[0]).toBe(next[1]);
    expect(await store.value.probe()).toMatchObject([{ shards: [0, 1] }]);
    expect(await store.value.stats()).toMatchObject({ silentShards: [0, 1] });
    process.kill(frozen?.pid ?? 0, 'SIGCONT');
    await eventually(async () => store.value.adopt(0, 'T1'), { what: 'the server to be back' });
    expect((await store.value.due.next()).map((each) => each instanceof Error).includes(true)).toBe(false);
  });
});

const BOOKS = { schema: 'public', table: 'book' };

/** A row of the shard. */
function rowOf(shard: number, shards: number): RowKey {
  for (let id = 0; ; id += 1) {
    const key = rowKeyOf({ ...BOOKS, key: [String(id)] });
    if (shardOf(key, shards) === shard) return key;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}

function closing<T extends { close(): Promise<void> }>(value: T): AsyncDisposable & { readonly value: T } {
  return { value, [Symbol.asyncDispose]: async () => value.close() };
}
