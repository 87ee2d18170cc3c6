import type { WritesByWay } from './write-ways.js';
import type { StagingStats } from '../staging/staging-store.js';

/** The answer of `Spillway.of(orm).status()`. */
export interface SpillwayStatus extends StagingStats {
  /**
   * Reads of this process that met pending changes and waited until they were written, by caller (`Product.find`,
   * `Product.count`, …), the most frequent first. Make a frequent one a look-up by key, or let it see PostgreSQL as it
   * is.
   */
  readonly forcedDrains: Readonly<Record<string, number>>;
  /**
   * Changes of write-behind entities by this process, by entity and way: staged, by SQL and why, or promoted because
   * SQL needed them.
   */
  readonly writes: WritesByWay;
}
