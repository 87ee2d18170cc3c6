import { unlessAborted } from '../mikro-orm/contract/call-context.js';
import type { RowKey } from '../change/row-key.js';
import type { SpillwayEvents } from '../events.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { typesOf, withOthers } from '../mikro-orm/describe/with-others.js';
import type { DrainOptions } from '../mikro-orm/engine.js';
import type { CallersTransaction } from '../mikro-orm/transactions/caller.js';
import type { WriteWay, WriteWays } from '../observability/status.js';
import { drainPatiently } from '../read/patient-drain.js';
import type { DueScope } from '../staging/look-side.js';
import { drainInside, drainingBy } from './drain-inside.js';
import type { Holdings } from './holdings.js';
import type { Parts } from './parts.js';
import type { Pausing } from './pausing.js';
import type { Promotions } from './promotions.js';
import { WaitsForParents } from './write-held.js';

interface StatementDrainDeps {
  readonly types: TypeRegistry;
  readonly events: SpillwayEvents;
  readonly promotions: Promotions;
  readonly holdings: Holdings;
  readonly ways: WriteWays;
  readonly pausing: Pausing;
}

/**
 * Before a statement of the application: writes pending changes of its rows or tables, on Spillway's own connections or
 * in the application's transaction.
 */
export class StatementDrains {
  readonly #deps: StatementDrainDeps;

  constructor(deps: StatementDrainDeps) {
    this.#deps = deps;
  }

  /** @throws SpillwayError `DRAIN_TIMEOUT` */
  async before(scope: DueScope, options: DrainOptions, parts: Parts): Promise<void> {
    return options.inside ? this.#inside(scope, options.inside, options, parts) : this.#outside(scope, options, parts);
  }

  async #outside(scope: DueScope, { beforeWrite = false, signal }: DrainOptions, parts: Parts): Promise<void> {
    const { types, events, promotions, ways } = this.#deps;
    const promoted =
      beforeWrite && scope.kind === 'rows' ? await promotions.pending(scope.keys, undefined, parts) : undefined;
    if (promoted?.length === 0) return;
    const asked = { scope, wide: withOthers(scope, types), timeoutMs: this.#timeoutMs(scope), beforeWrite };
    const outcome = await unlessAborted(signal, async () => drainPatiently(asked, drainingBy(parts)));
    for (const key of promoted ?? []) ways.countRow(key, 'promoted');
    if (outcome === 'refused') await this.#refusePaused(scope, parts);
    if (outcome === 'refused') events.emit({ type: 'lagging', reason: 'refused' });
  }

  async #inside(
    scope: DueScope,
    inside: CallersTransaction,
    { beforeWrite = false, beforeLock = false, signal }: DrainOptions,
    parts: Parts,
  ): Promise<void> {
    const { types, events } = this.#deps;
    const touches = beforeWrite || beforeLock;
    signal?.throwIfAborted();
    await this.#writeHeld(scope, inside, touches, parts);
    const outcome = await this.#drainInside(scope, touches, inside, parts, signal);
    if (outcome.kind === 'drained') return;
    await this.#refusePaused(scope, parts);
    // Where no version tells the older from the newer, SQL must not write before changes that were staged earlier.
    const needsOrder = outcome.rows.some((key) => types.ofRow(key)?.version === undefined);
    if (beforeWrite && needsOrder) throw outcome.error;
    events.emit({ type: 'lagging', reason: outcome.kind === 'refused' ? 'refused' : 'transaction' });
  }

  /** Rows that a statement names by their keys are promoted, paused or not; what is left was refused. */
  async #refusePaused(scope: DueScope, parts: Parts): Promise<void> {
    if (scope.kind === 'tables') await this.#deps.pausing.refuse(scope.tables, 'DRAIN_TIMEOUT', parts);
  }

  /**
   * A transaction's own SQL has to find its holds in the database. Changes that were already pending, and parents, are
   * written before them.
   */
  async #writeHeld(scope: DueScope, inside: CallersTransaction, touches: boolean, parts: Parts): Promise<void> {
    const { holdings } = this.#deps;
    const keys = holdings.rowsFor(scope, touches, inside.scope);
    if (keys.length === 0) return;
    await this.#drainInside({ kind: 'rows', keys }, true, inside, parts);
    try {
      await holdings.write(keys, inside, parts);
    } catch (error) {
      if (!(error instanceof WaitsForParents)) throw error;
      await this.#drainInside({ kind: 'rows', keys: [...error.parents] }, true, inside, parts);
      await holdings.write(keys, inside, parts);
    }
  }

  async #drainInside(
    scope: DueScope,
    touches: boolean,
    inside: CallersTransaction,
    parts: Parts,
    signal?: AbortSignal,
  ): ReturnType<typeof drainInside> {
    const { types, promotions, ways } = this.#deps;
    const request = {
      scope,
      wide: withOthers(scope, types),
      touches,
      timeoutMs: this.#timeoutMs(scope),
      signal,
      promoted: (keys: readonly RowKey[], way: WriteWay) => keys.forEach((key) => ways.countRow(key, way)),
    };
    return drainInside(request, inside, promotions, parts);
  }

  /** The longest time that one of the types of the scope allows. */
  #timeoutMs(scope: DueScope): number {
    const types = [...typesOf(scope, this.#deps.types)];
    return types.reduce((longest, { policy }) => Math.max(longest, policy.drainTimeoutMs), 0);
  }
}
