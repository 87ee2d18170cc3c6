import { shardsOfMark, slotOfMark } from '../cluster/cluster-mark.js';
import { RedisCluster } from '../cluster/cluster.js';
import { slotOfShard, tagOfShard } from '../cluster/hash-slot.js';
import type { ClusterChoice } from '../cluster/redis-cluster.js';
import { SlotLink } from '../cluster/slot-link.js';
import { text } from '../redis/connection.js';
import { MAP_FIELD, mapKey, shardKeys } from '../redis/keys.js';
import type { Server, ShardPlace } from './place.js';

/** For messages, and for the database. The cluster has no name of its own, so it is known by the servers given. */
export function clusterText({ nodes }: ClusterChoice, shards: number): string {
  return `${shards} shards in the Redis Cluster at ${nodes.toSorted().join(', ')}`;
}

/** The places of one namespace in a Redis Cluster. Each has a slot of its own, and a way to whoever has that slot. */
export class ClusterPlaces {
  /** Where the mark of the cluster stands. */
  readonly home: Server;
  readonly #cluster: RedisCluster;
  readonly #namespace: string;

  private constructor(cluster: RedisCluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.home = this.#at(slotOfMark(namespace));
  }

  /** @throws SpillwayError `STAGING_UNAVAILABLE`: the server of a shard is away. No shard moves while one is */
  static async open(
    choice: ClusterChoice,
    { namespace, shards }: { readonly namespace: string; readonly shards: number },
    commandTimeoutMs: number,
  ): Promise<ClusterPlaces> {
    const cluster = await RedisCluster.open(choice, { commandTimeoutMs });
    try {
      const places = new ClusterPlaces(cluster, namespace);
      const all = places.allOf(shards);
      await Promise.all(all.map(async ({ server, keys }) => server.connection.command('HGET', [keys.chain, 'epoch'])));
      return places;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** Other numbers of shards have other keys. */
  allOf(shards: number): readonly ShardPlace[] {
    return Array.from({ length: shards }, (_, shard) => ({
      shard,
      server: this.#at(slotOfShard(shard, shards)),
      home: this.home,
      keys: shardKeys(this.#namespace, shard, tagOfShard(this.#namespace, shard, shards)),
    }));
  }

  /** The places of the number of shards that stands in the cluster. None: no process has begun there. */
  async allOfMark(): Promise<readonly ShardPlace[]> {
    const mark = await this.home.connection.command('HGET', [mapKey(this.#namespace), MAP_FIELD]);
    return this.allOf((mark === null ? undefined : shardsOfMark(text(mark))) ?? 0);
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  #at(slot: number): Server {
    return { connection: new SlotLink(this.#cluster, slot), node: undefined };
  }
}
