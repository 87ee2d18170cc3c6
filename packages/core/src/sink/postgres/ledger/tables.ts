import { quoted } from '../sql/quote.js';

/** The two tables of Spillway's own, quoted. */
export interface LedgerTables {
  readonly schema: string;
  readonly shard: string;
  readonly batch: string;
}

export function ledgerTables(schema: string): LedgerTables {
  return {
    schema: quoted(schema),
    shard: `${quoted(schema)}."spillway_shard"`,
    batch: `${quoted(schema)}."spillway_batch"`,
  };
}

/**
 * What the ledger is made of. Applications that share a database have a namespace each. `identity` tells this database from every other: that of shard 0 is what the staging store is bound to.
 */
export function ledgerDdl(tables: LedgerTables): string {
  return `create schema if not exists ${tables.schema};
create table if not exists ${tables.shard} (
  namespace text not null,
  shard int not null,
  last_token text not null,
  identity uuid not null default gen_random_uuid(),
  primary key (namespace, shard)
);
create table if not exists ${tables.batch} (
  namespace text not null,
  token text not null,
  shard int not null,
  outcome jsonb not null,
  written_at timestamptz not null default now(),
  primary key (namespace, token)
);
create index if not exists spillway_batch_age on ${tables.batch} (namespace, written_at);`;
}
