import type { SpillwayEvents } from '../events.js';
import { emptyShards } from '../flush/empty-shards.js';
import type { EngineTables } from '../mikro-orm/engine.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { Table } from '../sink/table.js';
import type { EmptyScope } from '../staging/look-side.js';
import type { Lifecycle } from './lifecycle.js';
import type { Sinks } from './sinks.js';

const EMPTYING = 'What is staged of tables that are cleared or dropped has to be thrown away first.';

interface ClearedTablesDeps {
  /** True if Spillway makes its own tables (`tables.ensure`). */
  readonly ensure: boolean;
  readonly events: SpillwayEvents;
  readonly sinks: Sinks;
  readonly life: Lifecycle;
}

/** Throws away staged changes of tables that the application clears or drops. */
export class ClearedTables implements EngineTables {
  readonly #deps: ClearedTablesDeps;

  constructor(deps: ClearedTablesDeps) {
    this.#deps = deps;
  }

  async schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>> {
    return this.#deps.life.askPrepared(async (sink) => sink.schemasOf(tables), new Map());
  }

  async empty(scope: EmptyScope): Promise<void> {
    const { ensure, events, sinks, life } = this.#deps;
    // This asks without opening the staging store, which may not be there yet either.
    if (!life.isOpening && !(await sinks.ask(async (sink) => sink.isPrepared(ensure)))) return;
    const { staging, sink } = await life.open();
    const { records, dead } = await databaseFor(EMPTYING, emptyShards(scope, staging, sink));
    if (records + dead === 0) return;
    const tables = scope.kind === 'all' ? undefined : scope.tables.map(({ schema, table }) => `${schema}.${table}`);
    events.emit({ type: 'emptied', records, dead, ...(tables && { tables }) });
  }
}
