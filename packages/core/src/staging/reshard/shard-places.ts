import { epochOf } from '../nodes/map-mark.js';
import type { NodesChoice } from '../nodes/redis-nodes.js';
import { ShardMap } from '../nodes/shard-map.js';
import { RedisConnection } from '../redis/connection.js';
import { epochText, MAP_OF_ONE_SERVER, moving } from '../redis/epoch.js';
import { type ShardKeys, shardKeys } from '../redis/keys.js';
import type { RedisTarget } from '../redis/redis-target.js';

/** Where the shards of a map are: on one Redis server, or on several. */
export type ShardsOn =
  | { readonly kind: 'redis'; readonly target: RedisTarget }
  | { readonly kind: 'nodes'; readonly choice: NodesChoice };

/** The map of a namespace, before a move or after it. */
export interface MapOf {
  readonly on: ShardsOn;
  readonly namespace: string;
  readonly shards: number;
  /** The database's own name. */
  readonly database: string;
}

export interface ShardPlace {
  readonly shard: number;
  readonly server: Server;
  readonly keys: ShardKeys;
}

/** One server of a map. */
export interface Server {
  readonly connection: RedisConnection;
  /** Its name in the map; `undefined`: it is the only one. */
  readonly node: string | undefined;
}

/** Where each shard of a map is, with a connection to each server. */
export class ShardPlaces implements AsyncDisposable {
  readonly shards: number;
  readonly namespace: string;
  /** `undefined`: one server has all shards. */
  readonly map: ShardMap | undefined;
  readonly servers: readonly Server[];
  /** Of the shards of this map, while it counts. */
  readonly epoch: string;
  /** Of the same shards, while they are moved, or when they have been. */
  readonly movingEpoch: string;
  readonly all: readonly ShardPlace[];

  private constructor({ namespace, shards, database }: MapOf, servers: readonly Server[], map: ShardMap | undefined) {
    const of = { epoch: map ? epochOf(map) : MAP_OF_ONE_SERVER, shards, database };
    this.namespace = namespace;
    this.shards = shards;
    this.map = map;
    this.servers = servers;
    this.epoch = epochText(of);
    this.movingEpoch = epochText(moving(of));
    this.all = Array.from({ length: shards }, (_, shard) => ({
      shard,
      server: servers[map ? map.placeOf(shard) : 0] as Server,
      keys: shardKeys(namespace, shard),
    }));
  }

  /** @throws SpillwayError `STAGING_UNAVAILABLE`: a server is away. No shard moves while one is */
  static async open(of: MapOf, commandTimeoutMs: number): Promise<ShardPlaces> {
    const { on } = of;
    const map = mapOf(of);
    const targets =
      on.kind === 'redis'
        ? [{ node: undefined, target: on.target }]
        : on.choice.nodes
            .map(({ name, target }) => ({ node: name, target }))
            .toSorted((one, other) => (map?.nodes.indexOf(one.node) ?? 0) - (map?.nodes.indexOf(other.node) ?? 0));
    const opened = await Promise.allSettled(
      targets.map(async ({ target }) => RedisConnection.open(target, commandTimeoutMs)),
    );
    const connections = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = opened.find((each) => each.status === 'rejected');
    if (failed) {
      await Promise.all(connections.map(async (connection) => connection.close()));
      throw failed.reason;
    }
    const servers = connections.map((connection, at) => ({ connection, node: targets[at]?.node }));
    return new ShardPlaces(of, servers, map);
  }

  /** For messages. */
  get text(): string {
    return this.map?.text ?? `${this.shards} shards on one server`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map(async ({ connection }) => connection.close()));
  }
}

/** @throws SpillwayError `CONFIG_INVALID`: more servers than shards, or a list of other shards */
export function mapOf({ on, shards }: Pick<MapOf, 'on' | 'shards'>): ShardMap | undefined {
  if (on.kind === 'redis') return undefined;
  const names = on.choice.nodes.map(({ name }) => name);
  return new ShardMap(names, shards, on.choice.shares);
}
