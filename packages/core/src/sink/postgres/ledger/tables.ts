import { ORIGIN } from '../../../change/token.js';
import { isOlderRow, OLDER_ENTRY } from '../registry/older-rows.js';
import { quoted } from '../sql/quote.js';

/** Spillway's own tables, quoted. */
export interface OwnTables {
  readonly schema: string;
  readonly shard: string;
  readonly batch: string;
  readonly doubt: string;
  readonly registry: string;
}

export function ownTablesIn(schema: string): OwnTables {
  return {
    schema: quoted(schema),
    shard: `${quoted(schema)}."spillway_shard"`,
    batch: `${quoted(schema)}."spillway_batch"`,
    doubt: `${quoted(schema)}."spillway_doubt"`,
    registry: `${quoted(schema)}."spillway_registry"`,
  };
}

/**
 * The statements that make Spillway's tables. Applications that share a database have a namespace each. A row of
 * `spillway_doubt` says that a process writes rows without telling the cache (see `CacheDoubts`). `spillway_registry`
 * holds what releases tell each other, copied from the ledger, where older releases keep it. `identity` tells this
 * database from every other: the staging store is bound to that of shard 0.
 */
export function ownTablesDdl(tables: OwnTables): string {
  return `${ownTablesStatements(tables).join(';\n')};`;
}

function ownTablesStatements(tables: OwnTables): readonly string[] {
  return [
    `create table if not exists ${tables.shard} (
  namespace text not null,
  shard int not null,
  last_token text not null,
  identity uuid not null default gen_random_uuid(),
  primary key (namespace, shard)
)`,
    `create table if not exists ${tables.batch} (
  namespace text not null,
  token text not null,
  shard int not null,
  outcome jsonb not null,
  written_at timestamptz not null default now(),
  primary key (namespace, token)
)`,
    `create index if not exists spillway_batch_age on ${tables.batch} (namespace, written_at)`,
    `create table if not exists ${tables.doubt} (
  id uuid not null primary key,
  namespace text not null,
  used_at timestamptz not null default now()
)`,
    `create table if not exists ${tables.registry} (
  namespace text not null,
  kind text not null,
  name text not null,
  schema_name text not null,
  table_name text not null,
  primary key (namespace, kind, name)
)`,
    `insert into ${tables.registry} (namespace, kind, name, schema_name, table_name)
select ${OLDER_ENTRY} from ${tables.batch} as old where ${isOlderRow('old')}
on conflict do nothing`,
  ];
}

/**
 * The rows of a new namespace. An existing number of shards is never "completed" to another one: rows would be looked
 * for in other shards than they were staged in.
 */
export function shardRows({ shard }: OwnTables, namespace: string, shards: number): string {
  const named = `'${namespace.replaceAll("'", "''")}'`;
  return `insert into ${shard} (namespace, shard, last_token)
select ${named}, shard, '${ORIGIN}' from generate_series(0, ${shards - 1}) as shard
where not exists (select from ${shard} where namespace = ${named})`;
}

/** All that a namespace needs, for a migration of the application. Nothing is made twice. */
export function migrationOf(schema: string, namespace: string, shards: number): readonly string[] {
  const tables = ownTablesIn(schema);
  const own = schema === 'public' ? [] : [`create schema if not exists ${tables.schema}`];
  return [...own, ...ownTablesStatements(tables), shardRows(tables, namespace, shards)];
}
