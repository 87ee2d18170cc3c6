import { SpillwayError } from '../../errors.js';
import { text } from '../redis/connection.js';
import { MAP_FIELD, mapKey } from '../redis/keys.js';
import type { RedisCluster } from './cluster.js';
import { slotOfTag } from './hash-slot.js';
import { SlotLink } from './slot-link.js';

/** The number of shards as it stands in the cluster. */
export function clusterMark(shards: number): string {
  return `cluster/${shards}`;
}

/** `undefined`: the mark is none of a cluster. */
export function shardsOfMark(mark: string): number | undefined {
  const [, shards] = /^cluster\/(\d+)$/u.exec(mark) ?? [];
  return shards === undefined ? undefined : Number(shards);
}

/** The slot of the mark. */
export function slotOfMark(namespace: string): number {
  return slotOfTag(`${namespace}:map`);
}

/**
 * The number of shards as it stands in the cluster. With another number a process would look for the shards under other
 * keys, so their epochs could not tell it.
 */
export class ClusterMark {
  readonly #link: SlotLink;
  readonly #key: string;
  readonly #wanted: string;
  #checking: Promise<void> | undefined;

  constructor(cluster: RedisCluster, namespace: string, shards: number) {
    this.#key = mapKey(namespace);
    this.#link = new SlotLink(cluster, slotOfMark(namespace));
    this.#wanted = clusterMark(shards);
  }

  /**
   * Writes the mark, unless one stands there. Asks once, and again only after a failure.
   * @throws SpillwayError `SHARD_MAP_MISMATCH`
   */
  async check(): Promise<void> {
    this.#checking ??= this.#check().catch((error: unknown) => {
      this.#checking = undefined;
      throw error;
    });
    await this.#checking;
  }

  async #check(): Promise<void> {
    await this.#link.command('HSETNX', [this.#key, MAP_FIELD, this.#wanted]);
    const found = text(await this.#link.command('HGET', [this.#key, MAP_FIELD]));
    if (found === this.#wanted) return;
    throw new SpillwayError(
      'SHARD_MAP_MISMATCH',
      `This namespace stands in the Redis Cluster at ${this.#link.server} as ${found} (shards), but this process uses ${this.#wanted}; nothing was done. ` +
        'Give all processes the same "shards", or this one another namespace. reshard() moves the shards to another number; docs/operations.md says how',
    );
  }
}
