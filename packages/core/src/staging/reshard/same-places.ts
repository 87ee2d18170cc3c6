import { randomUUID } from 'node:crypto';
import { SpillwayError } from '../../errors.js';
import { text } from '../redis/connection.js';
import { mapKey } from '../redis/keys.js';
import type { Server, ShardPlace } from './place.js';
import type { ShardPlaces } from './shard-places.js';

/** A field beside the map. It is there only while two maps are compared. */
const FIELD = 'compared';

/**
 * Tells which shards stay where they are: under the same number and keys, in the same database of the same server. In a
 * cluster another number of shards has other keys. Two
 * addresses may name one server, so a text is left on each server of the old map, and looked for on those of the new
 * one.
 */
export async function samePlaces(from: ShardPlaces, to: ShardPlaces): Promise<(place: ShardPlace) => boolean> {
  const same = await foundAt(from, to.servers);
  return ({ shard, home, keys }) => {
    const old = from.all[shard];
    return old !== undefined && same.get(home) === old.home && keys.chain === old.keys.chain;
  };
}

/**
 * Two names of one server would be two nodes of the new map, and each process would find the mark of one of them alone.
 * @throws SpillwayError `CONFIG_INVALID`
 */
export async function assertDistinct(to: ShardPlaces): Promise<void> {
  for (const [server, other] of await foundAt(to, to.servers)) {
    if (server === other) continue;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `The nodes "${server.node}" and "${other.node}" of the new map are one Redis server, at ${server.connection.server} and ${other.connection.server}; nothing was done. ` +
        'Give each node a server, or a database, of its own',
    );
  }
}

/** Server -> that of the places which it is. The later one, if two of them are one server. */
async function foundAt(places: ShardPlaces, servers: readonly Server[]): Promise<ReadonlyMap<Server, Server>> {
  const key = mapKey(places.namespace);
  const left = new Map<string, Server>();
  try {
    for (const server of places.servers) {
      const name = randomUUID();
      left.set(name, server);
      await server.connection.command('HSET', [key, FIELD, name]);
    }
    const same = new Map<Server, Server>();
    for (const server of servers) {
      const found = await server.connection.command('HGET', [key, FIELD]);
      const old = found === null ? undefined : left.get(text(found));
      if (old) same.set(server, old);
    }
    for (const { connection } of left.values())
      if (!left.has(text(await connection.command('HGET', [key, FIELD])))) throw hasForgotten(connection.server);
    return same;
  } finally {
    for (const { connection } of left.values()) await connection.command('HDEL', [key, FIELD]);
  }
}

/** A replica that has taken over does not have the text, so it was not found where it might have been. */
function hasForgotten(server: string): SpillwayError {
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `Redis at ${server} has forgotten what was just written, in a restart or a failover; no shard was moved. ` +
      'Run reshard() again when all servers are there',
  );
}
