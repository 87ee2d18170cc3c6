import type { ShardKeys } from '../redis/keys.js';
import type { ServerLink } from '../redis/server-link.js';

/** Where a shard is. */
export interface ShardPlace {
  readonly shard: number;
  readonly server: Server;
  /** Where the map of the shard stands: the same server, or the cluster. */
  readonly home: Server;
  readonly keys: ShardKeys;
}

/** One server of a map, or the one of a cluster that has some slot. */
export interface Server {
  readonly connection: ServerLink;
  /** Its name in the map; `undefined`: it is the only one. */
  readonly node: string | undefined;
}
