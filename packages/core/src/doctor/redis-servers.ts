import type { ResolvedOptions } from '../options.js';
import { RedisCluster } from '../staging/cluster/cluster.js';
import { slotOfShard, tagOfShard } from '../staging/cluster/hash-slot.js';
import { SlotLink } from '../staging/cluster/slot-link.js';
import { ShardMap } from '../staging/nodes/shard-map.js';
import { RedisConnection } from '../staging/redis/connection.js';
import { examineServer } from '../staging/redis/examine-server.js';
import { shardKeys, type ShardKeys } from '../staging/redis/keys.js';
import type { RedisTarget } from '../staging/redis/redis-target.js';
import { refuseMode } from '../staging/redis/server-checks.js';
import type { ServerLink } from '../staging/redis/server-link.js';
import type { Finding } from './finding.js';
import { serverFindings, serverUnreachable } from './server-findings.js';

/** The time of one command. Milliseconds. */
const COMMAND_MS = 2_000;

/** What is found about each server of Redis. A staging store of the application's own has none. */
export async function examineRedis(options: ResolvedOptions, shards: number): Promise<readonly Finding[]> {
  const { staging, namespace } = options;
  switch (staging.kind) {
    case 'store':
    case 'factory':
      return [];
    case 'redis':
      return examineTarget(staging.target, shardKeys(namespace, 0), options);
    case 'nodes': {
      const names = staging.choice.nodes.map(({ name }) => name);
      const map = new ShardMap(names, shards, staging.choice.shares);
      const each = staging.choice.nodes.map(async ({ name, target }) =>
        examineTarget(target, shardKeys(namespace, map.shardsOf(name)[0] ?? 0), options),
      );
      return (await Promise.all(each)).flat();
    }
    case 'cluster':
      return examineCluster(options, staging.choice, shards);
  }
}

async function examineTarget(
  target: RedisTarget,
  keys: ShardKeys,
  options: ResolvedOptions,
): Promise<readonly Finding[]> {
  let connection: RedisConnection | undefined;
  try {
    connection = await RedisConnection.open(target, COMMAND_MS);
    await refuseMode(connection);
    return await examineLink(connection, keys, options);
  } catch (error) {
    return [serverUnreachable(error)];
  } finally {
    await connection?.close();
  }
}

async function examineCluster(
  options: ResolvedOptions,
  choice: Extract<ResolvedOptions['staging'], { readonly kind: 'cluster' }>['choice'],
  shards: number,
): Promise<readonly Finding[]> {
  const { namespace } = options;
  let cluster: RedisCluster | undefined;
  try {
    cluster = await RedisCluster.open(choice, { commandTimeoutMs: COMMAND_MS });
    const byServer = new Map<string, { readonly link: ServerLink; readonly keys: ShardKeys }>();
    for (let shard = 0; shard < shards; shard += 1) {
      const link = new SlotLink(cluster, slotOfShard(shard, shards));
      const keys = shardKeys(namespace, shard, tagOfShard(namespace, shard, shards));
      if (!byServer.has(link.server)) byServer.set(link.server, { link, keys });
    }
    const each = [...byServer.values()].map(async ({ link, keys }) =>
      examineLink(link, keys, options).catch((error: unknown) => [serverUnreachable(error)]),
    );
    return (await Promise.all(each)).flat();
  } catch (error) {
    return [serverUnreachable(error)];
  } finally {
    await cluster?.close();
  }
}

async function examineLink(link: ServerLink, keys: ShardKeys, { acceptVolatile }: ResolvedOptions) {
  return serverFindings(await examineServer(link, keys), acceptVolatile);
}
