import { quoted } from '../sql/quote.js';

/** The three tables of Spillway's own, quoted. */
export interface LedgerTables {
  readonly schema: string;
  readonly shard: string;
  readonly batch: string;
  readonly doubt: string;
}

export function ledgerTables(schema: string): LedgerTables {
  return {
    schema: quoted(schema),
    shard: `${quoted(schema)}."spillway_shard"`,
    batch: `${quoted(schema)}."spillway_batch"`,
    doubt: `${quoted(schema)}."spillway_doubt"`,
  };
}

/**
 * What the ledger is made of. Applications that share a database have a namespace each. `spillway_doubt` says who writes rows
 * without telling the cache (see `CacheDoubts`). `identity` tells this database from every other: that of shard 0 is what the staging store is bound to.
 */
export function ledgerDdl(tables: LedgerTables): string {
  return `create table if not exists ${tables.shard} (
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
create index if not exists spillway_batch_age on ${tables.batch} (namespace, written_at);
create table if not exists ${tables.doubt} (
  id uuid not null primary key,
  namespace text not null,
  used_at timestamptz not null default now()
);`;
}
