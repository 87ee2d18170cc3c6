import type { MikroORM } from '@mikro-orm/core';
import { collectPolicies } from '../../../src/policy/policy-registry.js';
import type { StoredPolicy } from '../../../src/policy/write-policy.js';

/** Name of the entity -> policy, as the extension finds it where MikroORM has discovered it. */
export function policiesOf(orm: MikroORM): Record<string, StoredPolicy> {
  const entities = [...orm.getMetadata()].map((meta) => ({
    name: meta.className,
    entityClass: meta.class,
    repositoryClass: meta.repository?.(),
  }));
  return Object.fromEntries(collectPolicies(entities, []));
}
