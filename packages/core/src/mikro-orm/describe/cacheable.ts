import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { ResolvedPolicy } from '../../policy/policy.js';

/**
 * A copy holds one row: it does not see changes of other rows that a look-up reads.
 * @throws SpillwayError `CONFIG_INVALID`
 */
export function assertCacheable(meta: EntityMetadata, { cache }: ResolvedPolicy): void {
  if (!cache) return;
  const property = meta.props.find((each) => !each.lazy && readsOtherRows(each));
  if (!property) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `cache of ${meta.className}: property "${property.name}" ${property.formula ? 'is a formula' : 'is the inverse side of a one-to-one relation'}, ` +
      `whose value can change when other rows do. Make it lazy, or remove cache`,
  );
}

/** With session contexts, the rows of one key differ from caller to caller. @throws SpillwayError `CONFIG_INVALID` */
export function assertNoSessions(meta: EntityMetadata, { cache }: ResolvedPolicy, sessionContext: unknown): void {
  if (!cache || sessionContext !== 'connection') return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `cache of ${meta.className}: with sessionContext: 'connection' PostgreSQL decides who sees which row. Remove cache`,
  );
}

function readsOtherRows({ formula, kind, owner }: EntityProperty): boolean {
  return formula !== undefined || (kind === ReferenceKind.ONE_TO_ONE && !owner);
}
