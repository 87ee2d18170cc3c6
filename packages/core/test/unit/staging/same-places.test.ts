import { expect, it } from 'vitest';
import { tagOfShard } from '../../../src/staging/cluster/hash-slot.js';
import { shardKeys } from '../../../src/staging/redis/keys.js';
import type { Argument } from '../../../src/staging/redis/server-link.js';
import type { Server, ShardPlace } from '../../../src/staging/reshard/place.js';
import { samePlaces } from '../../../src/staging/reshard/same-places.js';
import type { ShardPlaces } from '../../../src/staging/reshard/shard-places.js';

/** A way to a server that has `fields`. It may forget what was written last, as a replica does that takes over. */
function wayTo(fields: Map<string, string>, forgets = false): Server {
  const command = async (name: string, [, field, value]: readonly Argument[]): Promise<unknown> => {
    if (name === 'HSET' && !forgets) fields.set(String(field), String(value));
    if (name === 'HDEL') fields.delete(String(field));
    return name === 'HGET' ? (fields.get(String(field)) ?? null) : 1;
  };
  return { connection: { server: 'one.example:6379', command } as never, node: undefined };
}

function clusterOf(home: Server, shards: number): ShardPlaces {
  const all = Array.from({ length: shards }, (_, shard): ShardPlace => {
    const keys = shardKeys('app', shard, tagOfShard('app', shard, shards));
    return { shard, server: wayTo(new Map()), home, keys };
  });
  return { namespace: 'app', shards, servers: [home], all } as unknown as ShardPlaces;
}

it('in one cluster a shard stays where it is if its keys are the same, by whatever address', async () => {
  const fields = new Map<string, string>();
  const from = clusterOf(wayTo(fields), 4_096);
  const sameUnder = async (home: Server, shards: number): Promise<number> => {
    const to = clusterOf(home, shards);
    return to.all.filter(await samePlaces(from, to)).length;
  };
  expect(await sameUnder(wayTo(fields), 4_096)).toBe(4_096);
  expect(await sameUnder(wayTo(fields), 16)).toBe(0);
  // So many shards are so near that some of them have the slots that they had.
  const some = await sameUnder(wayTo(fields), 4_095);
  expect(some).toBeGreaterThan(0);
  expect(some).toBeLessThan(4_095);
  expect(await sameUnder(wayTo(new Map()), 4_096)).toBe(0);
  expect(fields.size).toBe(0);
});

it('a server that forgets what was just written is not taken for another one', async () => {
  const fields = new Map<string, string>();
  const forgetful = clusterOf(wayTo(fields, true), 16);
  await expect(samePlaces(forgetful, clusterOf(wayTo(fields), 16))).rejects.toMatchObject({
    code: 'STAGING_UNAVAILABLE',
    message:
      'Redis at one.example:6379 has forgotten what was just written, in a restart or a failover; no shard was moved. ' +
      'Run reshard() again when all servers are there [STAGING_UNAVAILABLE]',
  });
});
