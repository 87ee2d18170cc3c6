import type { EntityName } from '@mikro-orm/core';
import { unlessAborted } from '../mikro-orm/contract/call-context.js';
import type { SpillwayEvents } from '../events.js';
import type { DrainResult } from '../flush/drain.js';
import { drainUntilWritten } from '../flush/drain-until-written.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import { untilWritten } from '../flush/until-written.js';
import { within } from '../flush/within.js';
import { tableOf, type TableName } from '../change/row-key.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { withOthers } from '../mikro-orm/describe/with-others.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import type { DrainOptions, EngineWaits, QueryDrain, QueryWait } from '../mikro-orm/engine.js';
import type { DrainCall } from '../mikro-orm/repository/drain-call.js';
import type { WrittenOptions } from '../mikro-orm/repository/receipt.js';
import { parseDuration, type DurationLimits } from '../policy/duration.js';
import type { DueScope, EmptyScope, StagedMark } from '../staging/look-side.js';
import type { Lifecycle } from './lifecycle.js';
import { type Pausing, tablesOf } from './pausing.js';
import type { QueryDrains } from './query-drains.js';
import type { StatementDrains } from './statement-drains.js';
import type { RuntimeSurroundings } from './surroundings.js';
import { SpillwayError } from '../errors.js';

const WAITS: DurationLimits = { minMs: 1, maxMs: 24 * 60 * 60 * 1_000 };

/**
 * A wait whose time is up reports what it waited for. A wait that gets no answer at all cannot, so it is given up
 * milliseconds later.
 */
const LATE_MS = 50;

interface WaitsDeps {
  readonly around: Pick<RuntimeSurroundings, 'types' | 'context'>;
  readonly events: SpillwayEvents;
  readonly life: Lifecycle;
  readonly queryDrains: QueryDrains;
  readonly statementDrains: StatementDrains;
  readonly pausing: Pausing;
  /** True if this process has nothing to do with staging any more. */
  readonly isOver: () => Promise<boolean>;
}

/**
 * Waits until pending changes are written: before statements and queries, for a call of `drain()`, and for receipts.
 */
export class Waits implements EngineWaits {
  readonly #deps: WaitsDeps;

  constructor(deps: WaitsDeps) {
    this.#deps = deps;
  }

  async drain(scope: DueScope, options: DrainOptions = {}): Promise<void> {
    const { around, life, statementDrains } = this.#deps;
    const parts = await unlessAborted(options.signal, async () => life.open());
    // A caller that names no transaction (`inside: undefined`) gets the connection when the surrounding transaction has
    // ended.
    const inside = 'inside' in options ? options.inside : around.context.current;
    return statementDrains.before(scope, { ...options, inside }, parts);
  }

  async drainForQuery(touched: readonly WriteBehindType[], caller: string, how?: QueryWait): Promise<QueryDrain> {
    return this.#deps.queryDrains.before(touched, caller, how);
  }

  /**
   * Drains one entity or all: one round, or as many as it takes. Opening counts towards its time.
   * @throws SpillwayError `DRAIN_TIMEOUT`
   */
  async drainCall(entity: EntityName | undefined, call: DrainCall): Promise<DrainResult> {
    const { timeoutMs, signal } = call;
    const drained = unlessAborted(signal, async () => this.#drainCall(entity, call));
    return within(drained, timeoutMs + LATE_MS, monotonicScheduler, () => late('DRAIN_TIMEOUT', 'A drain', timeoutMs));
  }

  async #drainCall(entity: EntityName | undefined, { timeoutMs, until, signal }: DrainCall): Promise<DrainResult> {
    const { life, isOver, pausing } = this.#deps;
    const { types } = this.#deps.around;
    if (await isOver()) return { left: 0 };
    life.refuseInside('drain() waits until what is staged is committed');
    const scope: EmptyScope =
      entity === undefined ? { kind: 'all' } : { kind: 'tables', tables: [tableOf(types.namedOrRefused(entity))] };
    const parts = await life.open();
    const { worker, looks } = parts;
    const wide = withOthers(scope, types);
    if (until === 'written') await pausing.refuse(tablesIn(scope, types), 'DRAIN_TIMEOUT', parts);
    if (until === 'tried') return worker.drain(wide, { timeoutMs });
    return drainUntilWritten(
      { scope, wide, timeoutMs, signal },
      {
        looks,
        drain: async (some, restMs, onPutOff) => worker.drain(some, { timeoutMs: restMs, onPutOff }),
      },
    );
  }

  /** @throws DeadLetteredError; SpillwayError `WRITE_TIMEOUT`, `STAGING_LOSS`, `STOPPED` */
  async written(marks: readonly StagedMark[], { timeout = '30s' }: WrittenOptions = {}): Promise<void> {
    const timeoutMs = parseDuration('timeout of written()', timeout, WAITS);
    if (marks.length === 0) return;
    this.#deps.life.refuseInside('written() waits until changes are committed');
    const written = this.#written(marks, timeoutMs);
    await within(written, timeoutMs + LATE_MS, monotonicScheduler, () => late('WRITE_TIMEOUT', 'written()', timeoutMs));
  }

  async #written(marks: readonly StagedMark[], timeoutMs: number): Promise<void> {
    const { life, events, around, pausing } = this.#deps;
    const parts = await life.open();
    const { worker, looks } = parts;
    const tables = tablesOf(marks.map(({ rowKey }) => rowKey));
    await pausing.refuseKnown(tables, 'WRITE_TIMEOUT', parts);
    await untilWritten(marks, timeoutMs, {
      settled: (open) => looks.settled(open),
      drain: async (keys, patient, restMs) => {
        const scope: DueScope = { kind: 'rows', keys };
        const drained = await worker.drain(patient ? withOthers(scope, around.types) : scope, { timeoutMs: restMs });
        if (drained.left > 0) await pausing.refuseKnown(tablesOf(keys), 'WRITE_TIMEOUT', parts);
        return drained;
      },
      onNews: (listener) => {
        const stops = [events.on('written', listener), events.on('dead-letter', listener)];
        return () => stops.forEach((stop) => stop());
      },
    });
  }
}

function tablesIn(scope: EmptyScope, { inAnyMode }: TypeRegistry): readonly TableName[] {
  return scope.kind === 'tables' ? scope.tables : inAnyMode.map(tableOf);
}

/** The error of a wait that is given up. */
function late(code: 'DRAIN_TIMEOUT' | 'WRITE_TIMEOUT', what: string, timeoutMs: number): SpillwayError {
  return new SpillwayError(
    code,
    `${what} did not end within ${Math.round(timeoutMs)} ms, because Redis or PostgreSQL has not answered. ` +
      'Nothing is lost: what is staged stays staged and is written later. ' +
      'Check that both can be reached, or give a longer timeout',
  );
}
