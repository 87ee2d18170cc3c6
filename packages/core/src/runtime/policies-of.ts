import type { EntityMetadata } from '@mikro-orm/core';
import type { ResolvedOptions } from '../options.js';
import type { ResolvedPolicy } from '../policy/policy.js';
import { collectPolicies } from '../policy/policy-registry.js';
import { resolvePolicy } from '../policy/resolve-policy.js';

/** The policies of entities: by decorators, the options and the defaults. */
export function policiesOf(
  entities: readonly EntityMetadata[],
  { policies, defaults, enabled }: ResolvedOptions,
): ReadonlyMap<EntityMetadata, ResolvedPolicy> {
  const places = entities.map((meta) => ({
    name: meta.className,
    entityClass: meta.class,
    repositoryClass: meta.repository?.(),
    ...(!meta.embeddable && { table: meta.tableName }),
    root: meta.root.inheritanceType === 'sti' && meta.root.class !== meta.class ? meta.root.className : undefined,
  }));
  const found = collectPolicies(places, policies);
  return new Map(
    entities.flatMap((meta) => {
      const policy = found.get(meta.className);
      if (!policy) return [];
      const resolved = resolvePolicy(meta.className, policy, defaults, {
        versioned: meta.versionProperty !== undefined,
      });
      return [[meta, enabled ? resolved : throughOnly(resolved)]];
    }),
  );
}

/** Changes that were staged under a policy are still written by it; only the cache is dropped. */
function throughOnly(policy: ResolvedPolicy): ResolvedPolicy {
  const { cache, ...uncached } = policy;
  return { ...(cache ? uncached : policy), mode: 'through' };
}
