import { SHARDS_OF_NEW_NAMESPACES } from '../../../change/row-key.js';
import { SpillwayError } from '../../../errors.js';
import type { PreparedSink } from '../../change-sink.js';
import type { MapChange } from '../../map-changes.js';
import { readMapChange } from './map-changes.js';
import { notPrepared } from './ledger-failure.js';
import type { Session } from '../session.js';
import { ownTablesDdl, type OwnTables, shardRows } from './tables.js';

/**
 * Makes tables and shard rows, in a transaction that begins. Several processes may start at once: the lock admits one
 * by one, and the later ones find everything made.
 */
export async function ensureTables(
  session: Session,
  opening: string,
  tables: OwnTables,
  namespace: string,
  shards: number = SHARDS_OF_NEW_NAMESPACES,
): Promise<void> {
  await completeTables(session, opening, tables);
  await session.rows(shardRows(tables, namespace, shards), []);
}

/**
 * @param shards the number that there must be; `undefined`: any
 * @param isMoving true for the process that moves the shards: every other one has to wait for it
 * @throws SpillwayError `CONFIG_INVALID` without tables, rights or shard rows, `SHARD_MAP_MISMATCH` for another number
 * of shards.
 */
export async function verifyTables(
  session: Session,
  tables: OwnTables,
  namespace: string,
  shards: number | undefined,
  isMoving = false,
): Promise<PreparedSink> {
  const found = await shardsFound(session, tables, namespace);
  const change = isMoving ? undefined : await readMapChange(session, tables, namespace);
  if (change) throw beingMoved(namespace, change);
  const [first] = found;
  if (first === undefined) throw notPrepared(`${tables.shard} has no shards of the namespace "${namespace}"`);
  const number = shards ?? found.length;
  if (found.length === number && found.every(({ shard }, position) => shard === position))
    return { identity: first.identity, shards: number };
  throw new SpillwayError(
    'SHARD_MAP_MISMATCH',
    `The database has ${found.length} shards of the namespace "${namespace}", this process is set to ${number}. ` +
      'Set the same number everywhere, or leave "shards" out. reshard() changes the number.',
  );
}

export function beingMoved(namespace: string, { from, to, phase }: MapChange): SpillwayError {
  return new SpillwayError(
    'SHARD_MAP_MISMATCH',
    `The shards of the namespace "${namespace}" are moved from ${from.text} to ${to.text}; nothing was done. ` +
      `Wait until reshard() has ended. If it was interrupted, run it again${phase === 'draining' ? ', to the same map or to the old one' : ''}`,
  );
}

/** Makes the missing tables, all or only those that a newer release has added, in a transaction that begins. */
export async function completeTables(session: Session, opening: string, tables: OwnTables): Promise<void> {
  if (opening !== '') await session.script(opening);
  await session.rows(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`spillway:${tables.schema}`]);
  if ((await missingOf(session, tables)).length === 0) return;
  if (!(await hasSchema(session, tables))) await session.script(`create schema if not exists ${tables.schema}`);
  await session.script(ownTablesDdl(tables));
}

/** The release that has prepared the database for the namespace. `older`: it did not have all of the tables. */
export async function preparedBy(
  session: Session,
  tables: OwnTables,
  namespace: string,
): Promise<'nobody' | 'older' | 'this'> {
  const missing = await missingOf(session, tables);
  if (missing.includes(tables.shard)) return 'nobody';
  const shards = await session.rows(`select from ${tables.shard} where namespace = $1 limit 1`, [namespace]);
  if (shards.length === 0) return 'nobody';
  return missing.length > 0 ? 'older' : 'this';
}

/** Asked first, because `create … if not exists` needs the right to create even if nothing is missing. */
async function missingOf(session: Session, { shard, batch, doubt, registry }: OwnTables): Promise<string[]> {
  const rows = await session.rows(`select name from unnest($1::text[]) as name where to_regclass(name) is null`, [
    [shard, batch, doubt, registry],
  ]);
  return rows.flatMap(([name]) => name ?? []);
}

/** Asked first for the same reason. */
async function hasSchema(session: Session, { schema }: OwnTables): Promise<boolean> {
  const [row] = await session.rows(`select to_regnamespace($1) is not null as found`, [schema]);
  return row?.[0]?.startsWith('t') ?? false;
}

async function shardsFound(session: Session, tables: OwnTables, namespace: string): Promise<ShardRow[]> {
  await session.rows(`select namespace, token, shard, outcome, written_at from ${tables.batch} limit 0`, []);
  await session.rows(`select id, namespace, used_at from ${tables.doubt} limit 0`, []);
  await session.rows(`select namespace, kind, name, schema_name, table_name from ${tables.registry} limit 0`, []);
  const rows = await session.rows(
    `select shard, last_token, identity from ${tables.shard} where namespace = $1 order by shard`,
    [namespace],
  );
  return rows.map(([shard, , identity]) => ({ shard: Number(shard), identity: String(identity) }));
}

interface ShardRow {
  readonly shard: number;
  readonly identity: string;
}
