import type { MikroORM } from '@mikro-orm/postgresql';
import { rowKeyOf, shardOf } from '../../../src/change/row-key.js';
import type { ReshardReport } from '../../../src/runtime/resharding.js';
import { Spillway, type SpillwayOptions } from '../../../src/index.js';
import { ShardMap } from '../../../src/staging/nodes/shard-map.js';
import { CutProxy, type RequestCount } from './cut-proxy.js';
import { Book, type Library, makeBooks } from './fixture.js';

export const IDS: readonly number[] = Array.from({ length: 24 }, (_, at) => at + 1);
export const MISSING: readonly number[] = [901, 902, 903, 904];

/** The map of the two servers on which a namespace begins. */
const PAIR = new ShardMap(['node-0', 'node-1'], 16);

export interface Nodes {
  readonly nodes: readonly { readonly name: string; readonly redis: string }[];
}

function nodesOf(urls: ReadonlyMap<number, string>): Nodes {
  return { nodes: [...urls].map(([place, redis]) => ({ name: `node-${place}`, redis })) };
}

/** The option `redis` for some servers of the library, each behind a proxy that goes away after so many requests. */
export async function behindProxies(
  library: Library,
  places: readonly number[],
  count: RequestCount,
): Promise<{ readonly proxies: ReadonlyMap<number, CutProxy>; readonly of: (...some: readonly number[]) => Nodes }> {
  const proxies = new Map<number, CutProxy>();
  for (const place of places) proxies.set(place, await CutProxy.before(library.servers[place]?.url ?? '', count));
  return { proxies, of: (...some) => nodesOf(new Map(some.map((place) => [place, proxies.get(place)?.url ?? '']))) };
}

export function direct(library: Library, ...places: readonly number[]): Nodes {
  return { nodes: places.flatMap((place) => library.nodes.nodes[place] ?? []) };
}

export async function sold(orm: MikroORM): Promise<readonly unknown[]> {
  const rows = await orm.em
    .getConnection()
    .execute<{ sold: number }[]>('select sold from book where id <= 24 order by id');
  return rows.map((row) => row.sold);
}

/** A namespace on two servers, with written and pending changes and dead letters. */
export async function filled(library: Library, namespace: string): Promise<void> {
  const orm = await library.open({ namespace, redis: direct(library, 0, 1) });
  const em = orm.em.fork();
  await em.getConnection().execute('delete from book');
  await makeBooks(orm, IDS);
  for (const id of MISSING) await Spillway.of(orm).increment(Book, id, { sold: 1 });
  await Spillway.of(orm).drain();
  for (const id of IDS) await Spillway.of(orm).increment(Book, id, { sold: 1 });
}

export async function move(
  library: Library,
  namespace: string,
  redis: Nodes,
  to: SpillwayOptions['redis'] & object,
): Promise<ReshardReport> {
  const orm = await library.open({ namespace, redis, shards: 16 });
  return Spillway.of(orm).reshard({ redis: to, shards: 24 });
}

/** Another program locks a row, so its pending change cannot be written, until it is let go. */
export async function lockRow(orm: MikroORM, id: number): Promise<() => Promise<void>> {
  const em = orm.em.fork();
  await em.begin();
  await em
    .getConnection()
    .execute(`select from book where id = ${id} for update`, [], 'all', em.getTransactionContext());
  return async () => em.rollback();
}

/** A book whose pending changes are on this server of the two. */
export function idOn(place: number): number {
  const [found] = booksOn(place);
  if (found === undefined) throw new RangeError(`No book is on server ${place}`);
  return found;
}

/** Pending records of all shards of the old map on this server. */
export async function pendingOn(library: Library, namespace: string, place: number): Promise<number> {
  const shards = PAIR.shardsOf(`node-${place}`);
  const counts = await Promise.all(
    shards.flatMap((shard) =>
      ['dirty', 'flight'].map(async (key) => library.command(place, 'HLEN', `{${namespace}:${shard}}:${key}`)),
    ),
  );
  return counts.reduce<number>((sum, count) => sum + Number(count), 0);
}

function shardOfBook(id: number): number {
  return shardOf(rowKeyOf({ schema: 'public', table: 'book', key: [String(id)] }), 16);
}

/** A shard without any book: nothing is ever written in it. */
export function emptyShard(): number {
  const used = new Set([...IDS, ...MISSING].map(shardOfBook));
  const found = Array.from({ length: 16 }, (_, shard) => shard).find((shard) => !used.has(shard));
  if (found === undefined) throw new RangeError('Every shard has a book');
  return found;
}

/** A transaction of the application keeps a shard, as one does that has asked for its pending changes. */
export async function lockShard(orm: MikroORM, namespace: string, shard: number): Promise<() => Promise<void>> {
  const em = orm.em.fork();
  await em.begin();
  await em
    .getConnection()
    .execute(
      `select from spillway_shard where namespace = ? and shard = ? for update`,
      [namespace, shard],
      'all',
      em.getTransactionContext(),
    );
  return async () => em.rollback();
}

/** Ends the statement that waits for shards, as its own time-out does in the end. True if there was one. */
export async function cancelWaitForShards(orm: MikroORM): Promise<boolean> {
  const found = await orm.em.getConnection().execute<{ pid: number }[]>(
    `select pid, pg_cancel_backend(pid) from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like '%spillway_shard%for update%'`,
  );
  return found.length > 0;
}

/** The epoch of the last shard that this server has in the old map. */
export async function lastEpochOn(library: Library, namespace: string, place: number): Promise<unknown> {
  const shard = PAIR.shardsOf(`node-${place}`).at(-1);
  return library.command(place, 'HGET', `{${namespace}:${shard}}:chain`, 'epoch');
}

/** Some books whose shards are on this server of the two, each with the number of a book that is made 200 later. */
export function idsOnPair(place: number): readonly number[] {
  return IDS.filter((id) => PAIR.placeOf(shardOfBook(200 + id)) === place);
}

/** The books whose shards are on these servers of the two. */
export function booksOn(...places: readonly number[]): readonly number[] {
  return IDS.filter((id) => places.includes(PAIR.placeOf(shardOfBook(id))));
}

/** Some servers have fallen back to before the shards of the old map were closed. Nothing was pending then. */
export async function reopenShards(library: Library, namespace: string, places: readonly number[]): Promise<void> {
  for (const place of places) {
    for (const shard of PAIR.shardsOf(`node-${place}`)) {
      const chain = `{${namespace}:${shard}}:chain`;
      const epoch = String(await library.command(place, 'HGET', chain, 'epoch'));
      const database = epoch.split('/').at(-1);
      await library.command(place, 'HSET', chain, 'epoch', `2.map-${PAIR.fingerprint}/16/${database}`);
    }
  }
}

/** Ends the connection of PostgreSQL by which a process has the right to move. */
export async function endMoveRight(orm: MikroORM): Promise<void> {
  const ended = await orm.em.getConnection().execute<{ pid: number }[]>(
    `select pid, pg_terminate_backend(pid) from pg_locks
     where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`,
  );
  if (ended.length !== 1) throw new RangeError(`${ended.length} processes have a right to move, instead of one`);
}
