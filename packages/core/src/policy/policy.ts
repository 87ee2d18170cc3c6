import type { ConflictStrategy } from '../conflict/strategy.js';
import type { ValidateOptions } from './write-policy.js';
import type { Durability } from './durability.js';
import type { ConflictFunction } from './conflict-function.js';
import type { QueryMode } from './query-mode.js';

/**
 * A write policy with every option decided: durations in milliseconds, defaults filled in. A developer writes a
 * `WritePolicy`.
 */
export interface ResolvedPolicy {
  /** `through`: written by MikroORM's own SQL. The options about waiting then apply only to older staged changes. */
  readonly mode: 'behind' | 'through';
  /** Absent: rows are not cached. */
  readonly cache?: { readonly ttlMs: number };
  readonly debounceMs: number;
  readonly maxDelayMs: number;
  readonly detect: 'version' | 'changed-properties' | 'none';
  readonly conflict: PolicyConflict;
  readonly counters: readonly string[];
  readonly retry: { readonly attempts: number; readonly minDelayMs: number; readonly maxDelayMs: number };
  /** Most pending records of the entity, over all shards. */
  readonly maxPending: number;
  readonly maxRecordBytes: number;
  /** Where a change has to be before it is told staged. */
  readonly durability: Durability;
  readonly onFull: 'block' | 'reject' | 'write-through';
  readonly onStagingDown: 'fail' | 'write-through';
  readonly blockTimeoutMs: number;
  readonly queries: QueryMode;
  readonly drainTimeoutMs: number;
  /** In a transaction of the application: written by SQL there, or held and staged with its commit. */
  readonly transactions: 'through' | 'stage';
  readonly onDrainTimeout: 'throw' | 'overlay';
  readonly reads: 'primary' | 'replica';
  readonly onStagingLoss: 'park' | 'apply';
  readonly inserts: 'sql' | 'refuse';
  /** How `increment()` handles a missing row. */
  readonly missing: 'dead-letter' | 'drop' | 'create';
  /** `false`: class-validator is not called. */
  readonly validate: false | ValidateOptions;
}

/**
 * A conflict strategy whose function, if it is one, still sees entity values. `rowDecider` turns that function into the
 * `RowDecider` of a `ConflictStrategy` once the values can be converted.
 */
export type PolicyConflict =
  | Exclude<ConflictStrategy, { readonly kind: 'function' }>
  | { readonly kind: 'function'; readonly decide: ConflictFunction };
