import { SpillwayError } from '../../errors.js';
import { type RedisConnection, text as textIn } from '../redis/connection.js';
import { MAP_FIELD, mapKey, shardKeys } from '../redis/keys.js';
import { shardsText, type ShardMap } from './shard-map.js';

/** The map of shards as it stands on a server: a process that has another map is told so. */
export class MapMark {
  readonly #connection: RedisConnection;
  readonly #namespace: string;
  readonly #node: string;
  readonly #map: ShardMap;

  constructor(connection: RedisConnection, namespace: string, node: string, map: ShardMap) {
    this.#connection = connection;
    this.#namespace = namespace;
    this.#node = node;
    this.#map = map;
  }

  /**
   * Compares the map that stands on the server, if there is one. Changes nothing.
   * @throws SpillwayError `SHARD_MAP_MISMATCH`
   */
  async compare(): Promise<void> {
    const found = await this.#connection.command('HGET', [this.#key, MAP_FIELD]);
    if (found === null) return this.#refuseOneServer();
    const [fingerprint, node, text] = partsOf(textIn(found));
    if (fingerprint !== this.#map.fingerprint)
      throw this.#mismatch(`is node "${node}" of ${text} (map ${fingerprint})`);
    if (node !== this.#node) throw this.#mismatch(`is node "${node}" of the same map`);
  }

  /** Writes the map, unless one stands there: of two processes that begin with different maps, one is refused. */
  async write(): Promise<void> {
    await this.#connection.command('HSETNX', [this.#key, MAP_FIELD, markText(this.#map, this.#node)]);
    await this.compare();
  }

  get #key(): string {
    return mapKey(this.#namespace);
  }

  /** A process that knows one server alone gives its shards an epoch without a map. */
  async #refuseOneServer(): Promise<void> {
    const shards = this.#map.shardsOf(this.#node);
    const epochs = await Promise.all(
      shards.map(async (shard) => this.#connection.command('HGET', [shardKeys(this.#namespace, shard).chain, 'epoch'])),
    );
    const others = shards.filter((_, at) => epochs[at] !== null && !isOfMap(textIn(epochs[at]), this.#map));
    if (others.length === 0) return;
    throw this.#mismatch(
      `has ${shardsText(others)} of this namespace from processes that have another map, or no nodes at all`,
    );
  }

  #mismatch(what: string): SpillwayError {
    const { fingerprint, text } = this.#map;
    return new SpillwayError(
      'SHARD_MAP_MISMATCH',
      `Redis at ${this.#connection.server} ${what}, but here it is node "${this.#node}" of ${text} (map ${fingerprint}); nothing was done. ` +
        'Give all processes the same names in "redis.nodes" and the same "shards". reshard() moves the shards to another map; docs/operations.md says how',
    );
  }
}

/** The map as it stands on the server of a node. */
export function markText({ fingerprint, text }: ShardMap, node: string): string {
  return JSON.stringify([fingerprint, node, text]);
}

/** Something else may have written there. */
function partsOf(found: string): readonly string[] {
  try {
    const parts: unknown = JSON.parse(found);
    if (Array.isArray(parts)) return parts.map(String);
  } catch {
    // As any other map that is not ours.
  }
  return ['unreadable', 'unknown', 'a map that this release cannot read'];
}

/** How the epoch of shards begins that belong to a map. */
export function epochOf({ fingerprint }: ShardMap): string {
  return `map-${fingerprint}`;
}

function isOfMap(epoch: string, map: ShardMap): boolean {
  return epoch.split('/')[0]?.replace(/^\d+\./u, '') === epochOf(map);
}
