import type { EntityName } from '@mikro-orm/core';
import { believeAgain, cachedHere, disbelieve } from '../cache/cache.js';
import type { TableName } from '../change/table-name.js';
import { SpillwayError, textOf } from '../errors.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { EngineReleases, Releases } from '../mikro-orm/engine.js';
import type { Lifecycle } from './lifecycle.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { Table } from '../sink/table.js';
import type { LeaveState } from '../staging/stage-side.js';
import { releasesIn, stagedHere } from './parts.js';
import type { Sinks } from './sinks.js';
import type { RuntimeSurroundings } from './surroundings.js';

const NO_RELEASES: Releases = { staged: new Map(), copied: [] };
const LOOK_AT_ENTITIES = 'Which entities are staged stands in its tables.';

/** How long one attempt to leave may write pending changes. */
const LEAVING_DRAIN_MS = 1_000;

interface AdoptionDeps {
  readonly around: RuntimeSurroundings;
  readonly sinks: Sinks;
  readonly life: Lifecycle;
}

/**
 * The beginning and the end of staging an entity. The database knows which entities any process stages. A process that
 * writes a staged entity by SQL has it left; no process then stages it until `rejoin()` is called.
 */
export class Adoption implements EngineReleases {
  readonly #deps: AdoptionDeps;
  #hasSaid = false;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
  }

  /**
   * Once everything is open, staging must do without the database: while that cannot be reached, the answer from the
   * opening has to be enough.
   */
  async releases(): Promise<Releases> {
    const parts = await this.#deps.life.opened;
    try {
      return await this.#onPrepared(releasesIn, NO_RELEASES);
    } catch (error) {
      if (parts && error instanceof SpillwayError && error.code === 'DATABASE_UNAVAILABLE') return parts.atFirst;
      throw error;
    }
  }

  async disbelieve(tables: readonly TableName[]): Promise<void> {
    await this.#onPrepared(async (sink) => disbelieve(tables, sink.copies), undefined);
  }

  /** The schemas of tables. In a database that is not prepared, nothing of them is staged. */
  async schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>> {
    return this.#onPrepared(async (sink) => sink.schemasOf(tables), new Map());
  }

  /** True if this process has nothing to do with staging any more. */
  async isOver(): Promise<boolean> {
    const { options } = this.#deps.around;
    return !options.enabled && (await this.#staged()).size === 0;
  }

  async #staged(): Promise<ReadonlyMap<string, TableName>> {
    return this.#onPrepared(async (sink) => sink.registry.list(), new Map());
  }

  /** @param ifNever the answer for a database that is not prepared; opening everything prepares it */
  async #onPrepared<T>(ask: (sink: ChangeSink) => Promise<T>, ifNever: T): Promise<T> {
    const { around, sinks, life } = this.#deps;
    const parts = await life.opened;
    if (parts) return databaseFor(LOOK_AT_ENTITIES, ask(parts.sink));
    return sinks.ask(async (sink) => ((await sink.isPrepared(around.options.tables.ensure)) ? ask(sink) : ifNever));
  }

  /** The next read or write tries again after a failure, so the failure is logged, once until it succeeds. */
  async leave(entities: readonly string[]): Promise<ReadonlyMap<string, LeaveState>> {
    try {
      return await this.#leave(entities);
    } catch (error) {
      this.#say(entities, error);
      throw error;
    }
  }

  async #leave(entities: readonly string[]): Promise<ReadonlyMap<string, LeaveState>> {
    const { staging, sink, worker } = await this.#deps.life.openAndWork();
    const { leaveAfterMs } = this.#deps.around.options;
    let states = await staging.policies.leave(entities, leaveAfterMs);
    // Without an entity a process can only put a record off, and a drain of another process would miss the record
    // meanwhile.
    const own = new Set(this.#deps.around.types.inAnyMode.map(({ meta }) => meta.className));
    if ([...states].some(([entity, state]) => state === 'pending' && own.has(entity))) {
      // A failed drain must not fail a read or a write by SQL: those look at pending changes themselves.
      await worker
        .drain({ kind: 'all' }, { timeoutMs: LEAVING_DRAIN_MS })
        .catch((error: unknown) => this.#say(entities, error));
      states = await staging.policies.leave(entities, leaveAfterMs);
    }
    const left = [...states].filter(([, state]) => state === 'left').map(([entity]) => entity);
    if (left.length === 0) return states;
    await databaseFor(LOOK_AT_ENTITIES, sink.registry.remove(left));
    this.#hasSaid = false;
    if (await this.isOver()) await worker.stop({ drain: false });
    return states;
  }

  #say(entities: readonly string[], error: unknown): void {
    if (this.#hasSaid) return;
    this.#hasSaid = true;
    this.#deps.around.logger.warn(
      `Spillway: ${entities.join(', ')} cannot be left yet, and it is tried again every second: ${textOf(error)}`,
    );
  }

  /**
   * Lets a left entity be staged again: one, or all that this process stages.
   * @throws SpillwayError `ONE_CONNECTION` in a transaction that has the only connection
   */
  async rejoin(named: EntityName | undefined): Promise<void> {
    this.#deps.life.refuseInside('rejoin() is told to everybody');
    const entity = named && this.#deps.around.types.namedOrRefused(named).meta.className;
    const { staging, sink } = await this.#deps.life.openAndWork();
    const own = [...stagedHere(this.#deps.around.types)];
    const again = new Map(own.filter(([name]) => entity === undefined || name === entity));
    await databaseFor(LOOK_AT_ENTITIES, sink.registry.add(again));
    await staging.policies.rejoin([...again.keys()]);
    const cached = cachedHere(this.#deps.around.types).filter(({ name }) => entity === undefined || name === entity);
    if (cached.length === 0) return;
    const tables = cached.map(({ table }) => table);
    await databaseFor(LOOK_AT_ENTITIES, believeAgain(tables, sink.copies, staging.cache));
  }
}
