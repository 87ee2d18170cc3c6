import type { SpillwayEvents } from '../events.js';
import type { QueryDrain } from '../mikro-orm/engine.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { tableScope, withParents } from '../mikro-orm/describe/with-parents.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import { isDrainTimeout } from '../errors.js';
import type { ForcedDrains } from '../observability/forced-drains.js';
import { drainPatiently } from '../read/patient-drain.js';
import { SharedDrains } from '../read/shared-drains.js';
import type { TableScope } from '../staging/staging-store.js';
import type { Parts } from './parts.js';

interface QueryDrainDeps {
  readonly types: TypeRegistry;
  readonly events: SpillwayEvents;
  readonly forced: ForcedDrains;
  readonly open: () => Promise<Parts>;
}

/** Before a query outside of transactions: asks once whether anything of its types is pending, and has it written if so. Queries of the same types share both. */
export class QueryDrains {
  readonly #deps: QueryDrainDeps;
  readonly #shared = new SharedDrains<QueryDrain>();

  constructor(deps: QueryDrainDeps) {
    this.#deps = deps;
  }

  /**
   * @param caller who is counted as having forced a drain
   * @param purpose only a query goes on without what could not be written in time, where its policies say so
   * @throws SpillwayError `DRAIN_TIMEOUT`
   */
  async before(
    touched: readonly WriteBehindType[],
    caller: string,
    purpose: 'read' | 'write' = 'read',
  ): Promise<QueryDrain> {
    const scope = tableScope(touched, this.#deps.types);
    const name = scope.tables.map(({ schema, table }) => JSON.stringify([schema, table])).toSorted();
    try {
      const outcome = await this.#shared.join(name.join(), async (looked) => this.#drain(touched, scope, looked));
      if (outcome !== 'clear') this.#deps.forced.count(caller);
      return outcome;
    } catch (error) {
      if (!isDrainTimeout(error)) throw error;
      this.#deps.forced.count(caller);
      if (purpose === 'write' || !mayLag(touched)) throw error;
      this.#deps.events.emit({ type: 'lagging', reason: 'timeout' });
      return 'late';
    }
  }

  async #drain(touched: readonly WriteBehindType[], scope: TableScope, looked: () => void): Promise<QueryDrain> {
    const { types, events, open } = this.#deps;
    const { worker, staging } = await open();
    if (!(await staging.due.any(scope))) return 'clear';
    looked();
    const outcome = await drainPatiently(
      {
        scope,
        wide: withParents(scope, types),
        timeoutMs: Math.max(0, ...touched.map(({ policy }) => policy.drainTimeoutMs)),
        beforeWrite: false,
      },
      {
        drain: (part, timeoutMs) => worker.drain(part, { timeoutMs }),
        peek: (keys) => staging.peek(keys),
      },
    );
    if (outcome === 'drained') return outcome;
    events.emit({ type: 'lagging', reason: 'refused' });
    return mayLag(touched) ? 'late' : outcome;
  }
}

/** Whether all policies let a query go on with what is pending laid over. */
function mayLag(touched: readonly WriteBehindType[]): boolean {
  return touched.every(({ policy }) => policy.onDrainTimeout === 'overlay');
}
