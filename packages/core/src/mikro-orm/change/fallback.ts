import type { AnyEntity, ChangeSet } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { ResolvedPolicy } from '../../policy/policy.js';
import { SentInVain } from '../../staging/staging-errors.js';
import type { StageResult } from '../../staging/stager.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** Why what could not be staged is written by SQL: there is no room for its rows, or the staging store cannot be reached. */
export type Fallback = 'full' | 'down';

/** Set in the options of a call past the unit of work that is written by SQL because it could not be staged. */
export const FELL_BACK: unique symbol = Symbol('spillway.fellBack');

type Fallbacks = Pick<ResolvedPolicy, 'onFull' | 'onStagingDown'>;

/**
 * Whether something of which nothing is staged may be written by SQL instead (C6). Only if its policies say so, and only if it is certain that nothing of it will be staged later: what was
 * sent and not answered may have been, and would then be written twice.
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
 * While the staging store cannot be reached, nobody knows what is pending of a row there. SQL that compares a version notices it; any other would write what is newer first, and what is
 * older would be written over it later.
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

/** Either the store itself has no room, or it has refused all of it for that. */
function isFull(outcome: unknown): boolean {
  if (outcome instanceof SpillwayError) return outcome.code === 'STAGING_FULL' && !(outcome instanceof SentInVain);
  const { staged, refused, unknown, dropped } = outcome as Partial<StageResult>;
  if (!refused || staged?.size !== 0 || unknown?.length !== 0 || dropped?.length !== 0) return false;
  return refused.length > 0 && refused.every(({ reason }) => reason === 'full');
}
