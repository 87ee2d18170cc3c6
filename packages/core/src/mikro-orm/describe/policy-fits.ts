import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import { hasColumn } from './unsupported.js';
import type { ResolvedPolicy } from '../../policy/policy.js';

/**
 * Refuses a policy that does not fit its entity or its ORM.
 * @throws SpillwayError `CONFIG_INVALID`
 */
export function assertPolicyFits(meta: EntityMetadata, policy: ResolvedPolicy, sessionContext: unknown): void {
  assertMergeable(meta, policy);
  assertCacheable(meta, policy);
  assertNoSessions(meta, policy, sessionContext);
}

/** Merges and conflict functions decide about each value alone; half a reference would refer to no row. */
function assertMergeable(meta: EntityMetadata, { conflict }: ResolvedPolicy): void {
  const wide = meta.relations.find(
    (property) => !property.primary && hasColumn(property) && property.fieldNames.length > 1,
  );
  if (!wide || (conflict.kind !== 'merge' && conflict.kind !== 'function')) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `conflict of ${meta.className}: reference "${wide.name}" has several columns, which are neither merged nor decided about one by one. ` +
      "Use 'dead-letter', 'overwrite' or 'keep-database'",
  );
}

/** A copy holds one row: it does not see changes of other rows that a look-up reads. */
function assertCacheable(meta: EntityMetadata, { cache }: ResolvedPolicy): void {
  if (!cache) return;
  const property = meta.props.find((each) => !each.lazy && readsOtherRows(each));
  if (!property) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `cache of ${meta.className}: property "${property.name}" ${property.formula ? 'is a formula' : 'is the inverse side of a one-to-one relation'}, ` +
      `whose value can change when other rows do. Make it lazy, or remove cache`,
  );
}

/** With session contexts, the rows of one key differ from caller to caller. */
function assertNoSessions(meta: EntityMetadata, { cache }: ResolvedPolicy, sessionContext: unknown): void {
  if (!cache || sessionContext !== 'connection') return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `cache of ${meta.className}: with sessionContext: 'connection' PostgreSQL decides who sees which row. Remove cache`,
  );
}

function readsOtherRows({ formula, kind, owner }: EntityProperty): boolean {
  return formula !== undefined || (kind === ReferenceKind.ONE_TO_ONE && !owner);
}
