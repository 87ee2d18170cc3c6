import { SpillwayError } from '../errors.js';
import type { SpillwayEvents } from '../events.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { TableName } from '../sink/change-sink.js';
import type { LeaveState } from '../staging/staging-store.js';
import { stagedBefore, stagedHere, type Parts } from './parts.js';
import type { RuntimeSurroundings } from './surroundings.js';

const LOOK_AT_ENTITIES = 'Which entities are staged stands in its tables.';

/** How long one try to leave may write what is pending. */
const LEAVING_DRAIN_MS = 1_000;

interface AdoptionDeps {
  readonly around: RuntimeSurroundings;
  readonly events: SpillwayEvents;
  /** What is open, or about to be, if anything is. */
  readonly opened: () => Promise<Parts> | undefined;
  /** Opens, and begins to write if this process does. */
  readonly open: () => Promise<Parts>;
}

/**
 * The beginning and the end of staging: which entities any process stages, which the database knows; and how those are left that this process writes by SQL. An entity that was left is
 * staged by nobody any more, until somebody says that it is to begin again.
 */
export class Adoption {
  readonly #deps: AdoptionDeps;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
  }

  /**
   * Entity -> its table. Once everything is open, staging must do without the database: while that cannot be reached, what it knew at the opening has to be enough.
   */
  async stagedAtFirst(): Promise<ReadonlyMap<string, TableName>> {
    const parts = await this.#deps.opened();
    try {
      return await this.#staged();
    } catch (error) {
      if (parts && error instanceof SpillwayError && error.code === 'DATABASE_UNAVAILABLE') return parts.stagedAtFirst;
      throw error;
    }
  }

  /** Whether this process has nothing to do with staging any more. */
  async isOver(): Promise<boolean> {
    const { options } = this.#deps.around;
    return !options.enabled && (await this.#staged()).size === 0;
  }

  async #staged(): Promise<ReadonlyMap<string, TableName>> {
    const { around, events, opened } = this.#deps;
    const parts = await opened();
    return parts ? databaseFor(LOOK_AT_ENTITIES, parts.sink.registry.list()) : stagedBefore(around, events);
  }

  async leave(entities: readonly string[]): Promise<ReadonlyMap<string, LeaveState>> {
    const { staging, sink, worker } = await this.#deps.open();
    const { leaveAfterMs } = this.#deps.around.options;
    let states = await staging.policies.leave(entities, leaveAfterMs);
    if ([...states.values()].includes('pending')) {
      // Whatever keeps it from being written is no reason to fail whoever reads or writes by SQL: they look at what is pending.
      await worker.drain({ kind: 'all' }, { timeoutMs: LEAVING_DRAIN_MS }).catch(() => undefined);
      states = await staging.policies.leave(entities, leaveAfterMs);
    }
    const left = [...states].filter(([, state]) => state === 'left').map(([entity]) => entity);
    if (left.length === 0) return states;
    await databaseFor(LOOK_AT_ENTITIES, sink.registry.remove(left));
    if (await this.isOver()) await worker.stop({ drain: false });
    return states;
  }

  /** Lets what was left be staged again: one entity, or all that this process stages. */
  async rejoin(entity: string | undefined): Promise<void> {
    const { staging, sink } = await this.#deps.open();
    const own = [...stagedHere(this.#deps.around.types)];
    const again = new Map(own.filter(([name]) => entity === undefined || name === entity));
    await databaseFor(LOOK_AT_ENTITIES, sink.registry.add(again));
    await staging.policies.rejoin([...again.keys()]);
  }
}
