import type { AnyEntity, ChangeSet } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { ResolvedPolicy } from '../../policy/policy.js';
import { SentInVain } from '../../staging/staging-errors.js';
import type { StageResult } from '../../staging/stage-result.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * Why a change that could not be staged is written by SQL: there is no room for its rows, or the staging store cannot
 * be reached.
 */
export type Fallback = 'full' | 'down';

/** Set in the options of a call past the unit of work that is written by SQL because it could not be staged. */
export const FELL_BACK: unique symbol = Symbol('spillway.fellBack');

type Fallbacks = Pick<ResolvedPolicy, 'onFull' | 'onStagingDown'>;

/**
 * Decides whether SQL may write changes of which nothing is staged (C6 in ARCHITECTURE.md). It may only if their
 * policies say so, and only if none of them can be staged later: a call that was sent and not answered may have been
 * staged, and its changes would then be written twice.
 */
export function fallbackUnder(outcome: unknown, policies: readonly (Fallbacks | undefined)[]): Fallback | undefined {
  if (isUnreachable(outcome))
    return policies.every((policy) => policy?.onStagingDown === 'write-through') ? 'down' : undefined;
  return isFull(outcome) && policies.every((policy) => policy?.onFull === 'write-through') ? 'full' : undefined;
}

/** The same for a flush. */
export function fallbackFor(
  outcome: unknown,
  changeSets: readonly ChangeSet<AnyEntity>[],
  types: TypeRegistry,
): Fallback | undefined {
  return fallbackUnder(
    outcome,
    changeSets.map(({ meta }) => types.of(meta)?.policy),
  );
}

export function fellBack(options: unknown): Fallback | undefined {
  return options !== null && typeof options === 'object'
    ? (options as { [FELL_BACK]?: Fallback })[FELL_BACK]
    : undefined;
}

/**
 * While the staging store cannot be reached, its pending changes of a row are unknown. SQL that compares a version
 * notices them. Any other SQL would write the newer value first, and the older one would be written over it later.
 */
export function comparesNothing(call: string, { meta }: WriteBehindType, cause: unknown): SpillwayError {
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `${call} of ${meta.className} was neither staged nor written by SQL (onStagingDown: 'write-through'), because it compares no version: ` +
      'what may be pending of the row in Redis, which cannot be reached, would be written over it later. ' +
      'Load the entity and call em.flush(), give patch() the version, or call again when Redis is back',
    { cause },
  );
}

function isUnreachable(outcome: unknown): boolean {
  return outcome instanceof SpillwayError && outcome.code === 'STAGING_UNAVAILABLE' && !(outcome instanceof SentInVain);
}

/** True if the store itself has no room, or has refused all changes for this reason. */
function isFull(outcome: unknown): boolean {
  if (outcome instanceof SpillwayError) return outcome.code === 'STAGING_FULL' && !(outcome instanceof SentInVain);
  const { staged, refused, unknown, dropped } = outcome as Partial<StageResult>;
  if (!refused || staged?.size !== 0 || unknown?.length !== 0 || dropped?.length !== 0) return false;
  return refused.length > 0 && refused.every(({ reason }) => reason === 'full');
}
