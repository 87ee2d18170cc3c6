import { SHARDS_OF_NEW_NAMESPACES } from '../change/row-key.js';
import { migrationOf } from '../sink/postgres/ledger/tables.js';
import { schemaOfTables, type Sinks } from './sinks.js';
import type { RuntimeSurroundings } from './surroundings.js';

/** Spillway's own tables, for migrations. */
export interface SpillwayTables {
  /**
   * The statements that make the tables, and the shards of the namespace, with the options of `spillway()`. Those that
   * are there stay as they are. Nothing is connected for it.
   */
  sql(): readonly string[];
  /**
   * Makes what is missing now. The role needs the right to create tables in their schema.
   * @returns the number of shards that the namespace has
   * @throws SpillwayError `DATABASE_UNAVAILABLE`; `CONFIG_INVALID` without the right; `SHARD_MAP_MISMATCH`
   */
  ensure(): Promise<{ readonly shards: number }>;
}

export function ownTables(around: RuntimeSurroundings, sinks: Pick<Sinks, 'ask'>): SpillwayTables {
  const { options } = around;
  return {
    sql: () => migrationOf(schemaOfTables(around), options.namespace, options.shards ?? SHARDS_OF_NEW_NAMESPACES),
    ensure: async () => {
      const { shards } = await sinks.ask(async (sink) => sink.prepare(options.shards, true));
      return { shards };
    },
  };
}
