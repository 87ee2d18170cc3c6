import { SpillwayError } from '../../errors.js';
import { clusterMark } from '../cluster/cluster-mark.js';
import { shardsText } from '../nodes/shard-map.js';
import { markText } from '../nodes/map-mark.js';
import { text } from '../redis/connection.js';
import { isMoving } from '../redis/epoch.js';
import { MAP_FIELD, mapKey } from '../redis/keys.js';
import { SCRIPTS } from '../redis/scripts.js';
import type { Server, ShardPlace } from './place.js';
import type { ShardPlaces } from './shard-places.js';

export type IsSame = (place: ShardPlace) => boolean;

/**
 * Closes the old map: from each shard's answer on, every process that has it is refused there. A shard without a chain
 * stays as it is.
 * @throws SpillwayError `SHARD_MAP_MISMATCH`: a shard belongs to a third map
 */
export async function closeMap(from: ShardPlaces): Promise<void> {
  await giveEpoch(from.all, from.movingEpoch, from.epoch);
  const others = await shardsWhere(from.all, (epoch) => epoch !== from.movingEpoch);
  if (others.length > 0) throw belongsElsewhere(others, from);
}

/** Takes the closing back. */
export async function reopenMap(from: ShardPlaces): Promise<void> {
  await giveEpoch(from.all, from.epoch, from.movingEpoch);
}

/**
 * Looks at the places where the new map comes to be, and changes nothing. Another number of shards has other places in
 * a cluster.
 * @param isAgain the move was interrupted when some shards may have been opened already
 * @throws SpillwayError `SHARD_MAP_MISMATCH`: a map is in use at one of them
 */
export async function assertFree(to: ShardPlaces, isSame: IsSame, isAgain: boolean): Promise<void> {
  const ofMark = (await to.cluster?.allOfMark()) ?? [];
  const fresh = [...to.all, ...(ofMark.length === to.shards ? [] : ofMark)].filter((place) => !isSame(place));
  const taken = await shardsWhere(fresh, (epoch) => !isMoving(epoch) && !(isAgain && epoch === to.epoch));
  if (taken.length > 0) throw belongsElsewhere(taken, to);
}

/** Removes what an earlier move has left at the places of the new map. */
export async function clearPlaces(to: ShardPlaces, isSame: IsSame): Promise<void> {
  for (const place of to.all) {
    if (isSame(place)) continue;
    const epoch = await epochAt(place);
    if (epoch !== undefined && isMoving(epoch))
      await place.server.connection.command('DEL', Object.values(place.keys) as string[]);
  }
}

/** Opens the shards that stay where they are under the new map, and writes the map on its servers. */
export async function openMap(to: ShardPlaces, from: ShardPlaces, isSame: IsSame): Promise<void> {
  await giveEpoch(to.all.filter(isSame), to.epoch, from.movingEpoch);
  await writeMap(to);
}

/** Takes `openMap` back, and what has begun under the new map: no process can have opened it yet. */
export async function closeNewMap(to: ShardPlaces, from: ShardPlaces, isSame: IsSame): Promise<void> {
  await giveEpoch(to.all.filter(isSame), from.movingEpoch, to.epoch);
  for (const place of to.all) {
    if (isSame(place) || (await epochAt(place)) !== to.epoch) continue;
    await place.server.connection.command('HDEL', [place.keys.chain, 'epoch']);
  }
  await writeMap(from);
}

async function writeMap(of: ShardPlaces): Promise<void> {
  const key = mapKey(of.namespace);
  for (const server of of.servers) {
    const mark = markAt(server, of);
    if (mark !== undefined) await server.connection.command('HSET', [key, MAP_FIELD, mark]);
    else await server.connection.command('HDEL', [key, MAP_FIELD]);
  }
}

/** A server that has all shards has no mark. */
function markAt({ node }: Server, { map, cluster, shards }: ShardPlaces): string | undefined {
  if (cluster) return clusterMark(shards);
  return map && node !== undefined ? markText(map, node) : undefined;
}

/**
 * True if a shard that was closed and written is open again, or has changes: Redis has fallen back to before that, in a
 * restart or a failover. So other processes may have staged there since.
 */
export async function hasFallenBack(from: ShardPlaces): Promise<boolean> {
  if ((await shardsWhere(from.all, (epoch) => epoch === from.epoch)).length > 0) return true;
  for (const { server, keys } of from.all)
    for (const key of [keys.dirty, keys.flight, keys.held])
      if (Number(await server.connection.command('HLEN', [key])) > 0) return true;
  return false;
}

/** Every shard is open under the new map. @throws SpillwayError `SHARD_MAP_MISMATCH` */
export async function assertOpen(to: ShardPlaces): Promise<void> {
  const epochs = await Promise.all(to.all.map(epochAt));
  const closed = to.all.filter((_, at) => epochs[at] !== to.epoch);
  if (closed.length > 0) throw belongsElsewhere(closed, to);
}

/**
 * Removes all of the shards that are somewhere else now, but for the word that they have been moved.
 * @throws SpillwayError `SHARD_MAP_MISMATCH`: something has come to one of them since it was closed
 */
export async function leavePlaces(from: ShardPlaces, isLeft: IsSame): Promise<void> {
  const script = SCRIPTS.leavePlace;
  for (const place of from.all.filter(isLeft)) {
    const { server, keys } = place;
    const names = script.keys.map((name) => keys[name]);
    const reply = await server.connection.run(script, names, [from.movingEpoch]);
    if (text(reply[0]) !== 'left') throw hasChanges(place);
  }
}

/** A script of the older layout does just that: it gives an epoch in the place of another one, and drops copies. */
async function giveEpoch(places: readonly ShardPlace[], epoch: string, before: string): Promise<void> {
  for (const { server, keys } of places)
    await server.connection.run(
      SCRIPTS.convert,
      SCRIPTS.convert.keys.map((name) => keys[name]),
      [epoch, before],
    );
}

async function epochAt({ server, keys }: ShardPlace): Promise<string | undefined> {
  const epoch = await server.connection.command('HGET', [keys.chain, 'epoch']);
  return epoch === null ? undefined : text(epoch);
}

/** Shards without a chain are in no map. */
async function shardsWhere(
  places: readonly ShardPlace[],
  isMeant: (epoch: string) => boolean,
): Promise<readonly ShardPlace[]> {
  const found: ShardPlace[] = [];
  for (const place of places) {
    const epoch = await epochAt(place);
    if (epoch !== undefined && isMeant(epoch)) found.push(place);
  }
  return found;
}

function hasChanges({ shard, server }: ShardPlace): SpillwayError {
  return new SpillwayError(
    'SHARD_MAP_MISMATCH',
    `Redis at ${server.connection.server} has changes in ${shardsText([shard])} of this namespace that came after it was closed: it has fallen back to an older state, in a restart or a failover. ` +
      'Run reshard() again with the same maps: it writes them first',
  );
}

function belongsElsewhere(places: readonly ShardPlace[], of: ShardPlaces): SpillwayError {
  const servers = new Set(places.map(({ server }) => server.connection.server));
  return new SpillwayError(
    'SHARD_MAP_MISMATCH',
    `Redis at ${[...servers].join(' and ')} has ${shardsText(places.map(({ shard }) => shard))} of this namespace in use by another map than ${of.text}; no shard was moved. ` +
      'Give reshard() the map that the processes have now, and servers that this namespace does not use, or another database of them',
  );
}
