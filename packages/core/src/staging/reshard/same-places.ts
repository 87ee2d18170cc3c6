import { randomUUID } from 'node:crypto';
import { text } from '../redis/connection.js';
import { mapKey } from '../redis/keys.js';
import type { Server, ShardPlace, ShardPlaces } from './shard-places.js';

/** A field beside the map. It is there only while two maps are compared. */
const FIELD = 'compared';

/**
 * Tells which shards stay where they are: under the same number, in the same database of the same server. Two
 * addresses may name one server, so a text is left on each server of the old map, and looked for on those of the new
 * one.
 */
export async function samePlaces(from: ShardPlaces, to: ShardPlaces): Promise<(place: ShardPlace) => boolean> {
  const key = mapKey(from.namespace);
  const left = new Map<string, Server>();
  try {
    for (const server of from.servers) {
      const name = randomUUID();
      left.set(name, server);
      await server.connection.command('HSET', [key, FIELD, name]);
    }
    const same = new Map<Server, Server>();
    for (const server of to.servers) {
      const found = await server.connection.command('HGET', [key, FIELD]);
      const old = found === null ? undefined : left.get(text(found));
      if (old) same.set(server, old);
    }
    return ({ shard, server }) => same.get(server) !== undefined && same.get(server) === from.all[shard]?.server;
  } finally {
    for (const { connection } of left.values()) await connection.command('HDEL', [key, FIELD]);
  }
}
