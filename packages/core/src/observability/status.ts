import type { WritesByWay } from './write-ways.js';
import type { StagingStats } from '../staging/staging-store.js';

/** What `Spillway.of(orm).status()` answers. */
export interface SpillwayStatus extends StagingStats {
  /**
   * Reads of this process that met pending changes and waited until they were written, by caller (`Product.find`, `Product.count`, …), the most frequent first. A read that is
   * here often is one to make a look-up by key, or to let see PostgreSQL as it is.
   */
  readonly forcedDrains: Readonly<Record<string, number>>;
  /** Changes of write-behind entities by this process, by entity and the way that they went: staged, by SQL and why, or promoted because SQL needed them. */
  readonly writes: WritesByWay;
}
