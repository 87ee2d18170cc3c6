import { epochOf } from '../nodes/map-mark.js';
import type { NodesChoice } from '../nodes/redis-nodes.js';
import { ShardMap } from '../nodes/shard-map.js';
import type { ClusterChoice } from '../cluster/redis-cluster.js';
import { RedisConnection } from '../redis/connection.js';
import { epochText, MAP_OF_CLUSTER, MAP_OF_ONE_SERVER, moving } from '../redis/epoch.js';
import { shardKeys } from '../redis/keys.js';
import type { RedisTarget } from '../redis/redis-target.js';
import { refuseMode } from '../redis/server-checks.js';
import { ClusterPlaces } from './cluster-places.js';
import type { Server, ShardPlace } from './place.js';

/** Where the shards of a map are: on one Redis server, on several, or in a Redis Cluster. */
export type ShardsOn =
  | { readonly kind: 'redis'; readonly target: RedisTarget }
  | { readonly kind: 'nodes'; readonly choice: NodesChoice }
  | { readonly kind: 'cluster'; readonly choice: ClusterChoice };

/** The map of a namespace, before a move or after it. */
export interface MapOf {
  readonly on: ShardsOn;
  readonly namespace: string;
  readonly shards: number;
  /** The database's own name. */
  readonly database: string;
}

/** Where each shard of a map is, with a connection to each server. */
export class ShardPlaces implements AsyncDisposable {
  readonly shards: number;
  readonly namespace: string;
  /** `undefined`: one server has all shards, or a cluster. */
  readonly map: ShardMap | undefined;
  readonly cluster: ClusterPlaces | undefined;
  /** Where the map stands. A cluster is one of them. */
  readonly servers: readonly Server[];
  /** Of the shards of this map, while it counts. */
  readonly epoch: string;
  /** Of the same shards, while they are moved, or when they have been. */
  readonly movingEpoch: string;
  readonly all: readonly ShardPlace[];

  private constructor({ namespace, shards, database }: MapOf, on: On) {
    const { servers, map, cluster } = on;
    const of = { epoch: map ? epochOf(map) : cluster ? MAP_OF_CLUSTER : MAP_OF_ONE_SERVER, shards, database };
    this.namespace = namespace;
    this.shards = shards;
    this.map = map;
    this.cluster = cluster;
    this.servers = servers;
    this.epoch = epochText(of);
    this.movingEpoch = epochText(moving(of));
    const placeOf = (shard: number): ShardPlace => {
      const server = servers[map ? map.placeOf(shard) : 0] as Server;
      return { shard, server, home: server, keys: shardKeys(namespace, shard) };
    };
    this.all = cluster?.allOf(shards) ?? Array.from({ length: shards }, (_, shard) => placeOf(shard));
  }

  /** @throws SpillwayError `STAGING_UNAVAILABLE`: a server is away. No shard moves while one is */
  static async open(of: MapOf, commandTimeoutMs: number): Promise<ShardPlaces> {
    const { on } = of;
    if (on.kind === 'cluster') {
      const cluster = await ClusterPlaces.open(on.choice, of, commandTimeoutMs);
      return new ShardPlaces(of, { servers: [cluster.home], map: undefined, cluster });
    }
    const map = mapOf(of);
    const targets =
      on.kind === 'redis'
        ? [{ node: undefined, target: on.target }]
        : on.choice.nodes
            .map(({ name, target }) => ({ node: name, target }))
            .toSorted((one, other) => (map?.nodes.indexOf(one.node) ?? 0) - (map?.nodes.indexOf(other.node) ?? 0));
    const opened = await Promise.allSettled(targets.map(async ({ target }) => openServer(target, commandTimeoutMs)));
    const connections = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = opened.find((each) => each.status === 'rejected');
    if (failed) {
      await Promise.all(connections.map(async (connection) => connection.close()));
      throw failed.reason;
    }
    const servers = connections.map((connection, at) => ({ connection, node: targets[at]?.node }));
    return new ShardPlaces(of, { servers, map, cluster: undefined });
  }

  /** For messages. */
  get text(): string {
    if (this.cluster) return `${this.shards} shards in the Redis Cluster`;
    return this.map?.text ?? `${this.shards} shards on one server`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map(async ({ connection }) => connection.close()));
    await this.cluster?.close();
  }
}

interface On {
  readonly servers: readonly Server[];
  readonly map: ShardMap | undefined;
  readonly cluster: ClusterPlaces | undefined;
}

/** A node of a cluster takes some of the keys only, so it is refused before anything has moved. */
async function openServer(target: RedisTarget, commandTimeoutMs: number): Promise<RedisConnection> {
  const connection = await RedisConnection.open(target, commandTimeoutMs);
  try {
    await refuseMode(connection);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** @throws SpillwayError `CONFIG_INVALID`: more servers than shards, or a list of other shards */
export function mapOf({ on, shards }: Pick<MapOf, 'on' | 'shards'>): ShardMap | undefined {
  if (on.kind !== 'nodes') return undefined;
  const names = on.choice.nodes.map(({ name }) => name);
  return new ShardMap(names, shards, on.choice.shares);
}
