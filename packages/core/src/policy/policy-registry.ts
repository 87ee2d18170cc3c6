import { isDeepStrictEqual } from 'node:util';
import { SpillwayError } from '../errors.js';
import type { PolicyClass, PolicySchema, PolicyTarget } from './entity-types.js';
import { policyOn } from './write-behind.js';
import type { StoredPolicy } from './write-policy.js';

/** One pair of the `policies` option. */
export type PolicyEntry = readonly [target: PolicyTarget, policy: StoredPolicy];

/** Where the policy of one entity can stand. */
export interface EntityPlaces {
  /** Name of the entity. */
  readonly name: string;
  readonly entityClass: PolicyClass;
  /** The repository class that belongs to this entity, if it has one of its own. */
  readonly repositoryClass?: PolicyClass | undefined;
}

/**
 * Finds the policy of every entity that has one: on its class, on its repository class, or among the `policies` of `spillway()`. The same policy in several places is fine.
 * @returns name of the entity -> policy
 * @throws SpillwayError `CONFIG_INVALID` for two places that differ, and for an entry whose entity the ORM does not know.
 */
export function collectPolicies(
  entities: readonly EntityPlaces[],
  entries: readonly PolicyEntry[],
): ReadonlyMap<string, StoredPolicy> {
  refuseStrangers(entities, entries);
  const policies = new Map<string, StoredPolicy>();
  for (const entity of entities) {
    const policy = policyOf(entity, entries);
    if (policy) {
      policies.set(entity.name, policy);
    }
  }
  return policies;
}

interface FoundPolicy {
  readonly place: string;
  readonly policy: StoredPolicy;
}

function policyOf(entity: EntityPlaces, entries: readonly PolicyEntry[]): StoredPolicy | undefined {
  const [first, ...others] = placesOf(entity, entries);
  const other = others.find((found) => !isDeepStrictEqual(found.policy, first?.policy));
  if (first && other) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${entity.name} has two policies that differ: one ${first.place}, the other ${other.place}. Keep one of them`,
    );
  }
  return first?.policy;
}

function placesOf(entity: EntityPlaces, entries: readonly PolicyEntry[]): FoundPolicy[] {
  const { entityClass, repositoryClass } = entity;
  const found: FoundPolicy[] = [];
  const onEntity = policyOn(entityClass);
  if (onEntity) {
    found.push({ place: `on the entity class ${entityClass.name}`, policy: onEntity });
  }
  const onRepository = repositoryClass && policyOn(repositoryClass);
  if (onRepository) {
    found.push({ place: `on the repository class ${repositoryClass.name}`, policy: onRepository });
  }
  for (const [target, policy] of entries) {
    if (belongsTo(classOf(target), entity)) {
      found.push({ place: 'in the policies of spillway()', policy });
    }
  }
  return found;
}

function refuseStrangers(entities: readonly EntityPlaces[], entries: readonly PolicyEntry[]): void {
  for (const [target] of entries) {
    const stranger = classOf(target);
    if (!entities.some((entity) => belongsTo(stranger, entity))) {
      throw new SpillwayError(
        'CONFIG_INVALID',
        `The policies of spillway() have an entry for ${stranger.name}, which is neither an entity of this ORM nor the repository of one. Add it to the entities of MikroORM, or remove the entry`,
      );
    }
  }
}

function belongsTo(target: PolicyClass, entity: EntityPlaces): boolean {
  return target === entity.entityClass || target === entity.repositoryClass;
}

/** A schema is asked late: its class may be replaced until the ORM discovers it. */
export function classOf(target: PolicyTarget): PolicyClass {
  return typeof target === 'function' ? target : (target as PolicySchema).class;
}
