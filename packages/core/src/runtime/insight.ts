import { setTimeout as pause } from 'node:timers/promises';
import type { ForcedDrains, SpillwayStatus, WriteWays } from '../observability/status.js';
import type { Health } from '../observability/health.js';
import type { LossWatch } from '../observability/loss-watch.js';
import type { TroubleWatch } from '../observability/trouble-watch.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import type { DeadLetterStore } from '../staging/dead-letter-store.js';
import type { StagingStats } from '../staging/staging-store.js';
import { healthOfFailure, lookAtHealth } from './look-at-health.js';
import type { Parts } from './parts.js';

/**
 * A record whose pause has just ended is old and due for a moment, so a look that finds overdue records is repeated.
 */
const LOOK_AGAIN_MS = 100;

const NOTHING: StagingStats = {
  pending: {},
  held: 0,
  inFlight: 0,
  dead: 0,
  deadDropped: 0,
  staged: 0,
  coalesced: 0,
  annihilated: 0,
};

interface InsightDeps {
  readonly types: TypeRegistry;
  readonly forced: ForcedDrains;
  readonly ways: WriteWays;
  readonly trouble: TroubleWatch;
  readonly losses: LossWatch;
  readonly open: () => Promise<Parts>;
  /** True if this process has nothing to do with staging any more. */
  readonly isOver: () => Promise<boolean>;
}

/** The service's answers about its engine: counts, health, dead letters. */
export class Insight {
  readonly #deps: InsightDeps;

  constructor(deps: InsightDeps) {
    this.#deps = deps;
  }

  async status(): Promise<SpillwayStatus> {
    const { isOver, open, forced, ways } = this.#deps;
    const counts = (await isOver()) ? NOTHING : await (await open()).staging.stats();
    return { ...counts, forcedDrains: forced.byCaller, writes: ways.byEntity };
  }

  /** Never rejects: a question that fails is an answer too. */
  async health(): Promise<Health> {
    const { isOver, open, types, trouble, losses } = this.#deps;
    try {
      if (await isOver()) return { status: 'up', states: [], problems: [] };
      const parts = await open();
      const look = async (): Promise<Health> => lookAtHealth(parts, types, trouble, losses.recent);
      const health = await look();
      if (!health.states.includes('overdue')) return health;
      await pause(LOOK_AGAIN_MS);
      return await look();
    } catch (error) {
      return healthOfFailure(error);
    }
  }

  async deadLetters(): Promise<DeadLetterStore> {
    return (await this.#deps.open()).staging.deadLetters;
  }
}
