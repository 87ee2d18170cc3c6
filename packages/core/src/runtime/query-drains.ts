import { tableText } from '../change/row-key.js';
import { unlessAborted } from '../mikro-orm/contract/call-context.js';
import type { SpillwayEvents } from '../events.js';
import type { QueryDrain, QueryWait } from '../mikro-orm/engine.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { tableScope, withOthers } from '../mikro-orm/describe/with-others.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import { isDrainTimeout } from '../errors.js';
import type { ForcedDrains } from '../observability/status.js';
import { drainPatiently } from '../read/patient-drain.js';
import { SharedDrains } from '../read/shared-drains.js';
import type { TableScope } from '../staging/look-side.js';
import type { Parts } from './parts.js';
import type { Pausing } from './pausing.js';

/** A drain that has run for so long holds up the next one of its types no more. Milliseconds. */
const LONGEST_PATIENCE_MS = 100;

interface QueryDrainDeps {
  readonly types: TypeRegistry;
  readonly events: SpillwayEvents;
  readonly forced: ForcedDrains;
  readonly open: () => Promise<Parts>;
  readonly pausing: Pausing;
}

/**
 * Before a query outside of transactions: asks once whether anything of its types is pending, and has it written if so.
 * Queries of the same types share both.
 */
export class QueryDrains {
  readonly #deps: QueryDrainDeps;
  readonly #shared = new SharedDrains<QueryDrain>();

  constructor(deps: QueryDrainDeps) {
    this.#deps = deps;
  }

  /**
   * @param caller counted as the cause of a forced drain
   * @throws SpillwayError `DRAIN_TIMEOUT`
   */
  async before(
    touched: readonly WriteBehindType[],
    caller: string,
    { signal, purpose = 'read' }: QueryWait = {},
  ): Promise<QueryDrain> {
    const scope = tableScope(touched, this.#deps.types);
    const name = scope.tables.map(tableText).toSorted();
    try {
      const timeoutMs = touched.reduce((longest, { policy }) => Math.max(longest, policy.drainTimeoutMs), 0);
      const patienceMs = Math.min(LONGEST_PATIENCE_MS, timeoutMs / 2);
      const { outcome, before } = await unlessAborted(signal, async () =>
        this.#shared.join(name.join(), patienceMs, async (waitedMs) =>
          this.#drain(touched, scope, timeoutMs - waitedMs),
        ),
      );
      if (outcome !== 'clear' || (before && before.outcome !== 'clear')) this.#deps.forced.count(caller);
      return outcome;
    } catch (error) {
      if (!isDrainTimeout(error)) throw error;
      this.#deps.forced.count(caller);
      if (purpose === 'write' || !mayLag(touched)) throw error;
      this.#deps.events.emit({ type: 'lagging', reason: 'timeout' });
      return 'late';
    }
  }

  async #drain(touched: readonly WriteBehindType[], scope: TableScope, timeoutMs: number): Promise<QueryDrain> {
    const { types, events, open, pausing } = this.#deps;
    const parts = await open();
    const { worker, looks } = parts;
    if (!(await looks.due.any(scope))) return 'clear';
    let hasFound = false;
    const onFound = (): void => {
      hasFound = true;
    };
    const outcome = await drainPatiently(
      { scope, wide: withOthers(scope, types), timeoutMs, beforeWrite: false },
      {
        drain: (part, leftMs) => worker.drain(part, { timeoutMs: leftMs, onFound }),
        peek: (keys) => looks.peek(keys),
      },
    );
    // The look also says yes of a hold that was rolled back.
    if (outcome === 'drained') return hasFound ? outcome : 'clear';
    await pausing.refuse(scope.tables, 'DRAIN_TIMEOUT', parts);
    events.emit({ type: 'lagging', reason: 'refused' });
    return mayLag(touched) ? 'late' : outcome;
  }
}

/** True if all policies let a query go on, with pending changes laid over. */
function mayLag(touched: readonly WriteBehindType[]): boolean {
  return touched.every(({ policy }) => policy.onDrainTimeout === 'overlay');
}
