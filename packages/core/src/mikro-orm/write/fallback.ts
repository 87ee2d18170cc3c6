import type { AnyEntity, ChangeSet } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import { SentInVain } from '../../staging/staging-errors.js';
import type { StageResult } from '../../staging/stager.js';
import type { TypeRegistry } from '../describe/type-registry.js';

/** Why a flush that could not be staged is written by SQL: there is no room for its rows, or the staging store cannot be reached. */
export type Fallback = 'full' | 'down';

/**
 * Whether a flush of which nothing is staged may be written by SQL instead (C6). Only if its policies say so, and only if it is certain that nothing of it will be staged later: what was
 * sent and not answered may have been, and would then be written twice.
 */
export function fallbackFor(
  outcome: unknown,
  changeSets: readonly ChangeSet<AnyEntity>[],
  types: TypeRegistry,
): Fallback | undefined {
  const policies = changeSets.map(({ meta }) => types.of(meta)?.policy);
  if (isUnreachable(outcome))
    return policies.every((policy) => policy?.onStagingDown === 'write-through') ? 'down' : undefined;
  return isFull(outcome) && policies.every((policy) => policy?.onFull === 'write-through') ? 'full' : undefined;
}

function isUnreachable(outcome: unknown): boolean {
  return outcome instanceof SpillwayError && outcome.code === 'STAGING_UNAVAILABLE' && !(outcome instanceof SentInVain);
}

/** Either the store itself has no room, or it has refused all of the flush for that. */
function isFull(outcome: unknown): boolean {
  if (outcome instanceof SpillwayError) return outcome.code === 'STAGING_FULL' && !(outcome instanceof SentInVain);
  const { staged, refused, unknown, dropped } = outcome as Partial<StageResult>;
  if (!refused || staged?.size !== 0 || unknown?.length !== 0 || dropped?.length !== 0) return false;
  return refused.length > 0 && refused.every(({ reason }) => reason === 'full');
}
