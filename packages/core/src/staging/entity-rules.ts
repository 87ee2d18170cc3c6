import type { Durability } from '../policy/durability.js';
import type { StageRules } from './stage-side.js';

/** How an entity's changes wait, and what happens when it has as many records as it may. */
export interface EntityRules extends StageRules {
  /** @defaultValue `'primary'` */
  readonly durability?: Durability;
  readonly onFull: 'block' | 'reject' | 'write-through';
  readonly blockTimeoutMs: number;
}

export type RulesByEntity = Readonly<Record<string, EntityRules>>;
