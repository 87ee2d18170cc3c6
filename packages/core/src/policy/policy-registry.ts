import { SpillwayError } from '../errors.js';
import type { PolicyClass, PolicySchema, PolicyTarget } from './entity-types.js';
import { isSamePolicy, modeOf, policyOn } from './attach-policy.js';
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
  /** Name of the entity whose table it shares (single-table inheritance). */
  readonly root?: string | undefined;
  /** Name of its table, for messages. An embeddable has none. */
  readonly table?: string | undefined;
}

/**
 * Finds the policy of every entity that has one: on its class, on its repository class, or among the `policies` of
 * `spillway()`. The same policy in several places is fine. Entities that share a table are written alike: the root's
 * policy applies to all of them, and only the root is in the answer.
 *
 * @returns name of the entity -> policy
 * @throws SpillwayError `CONFIG_INVALID` for two places that differ, for a subclass whose policy differs from its
 * root's, for an entry whose entity the ORM does not know, and for an entity with a policy whose name another class has
 * too.
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
  for (const name of policies.keys()) refuseNamesake(name, entities);
  for (const { name, root } of entities) {
    if (root !== undefined && policies.has(name)) refuseOther(name, root, policies);
  }
  return policies;
}

/** Changes bear the name of their entity, and processes meet in Redis by such names. */
function refuseNamesake(name: string, entities: readonly EntityPlaces[]): void {
  const namesakes = new Map(
    entities.filter((entity) => entity.name === name).map((entity) => [entity.entityClass, entity]),
  );
  const [one, other] = [...namesakes.values()];
  if (!one || !other) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `${name} is the name of two classes (${placeOf(one)} and ${placeOf(other)}), and one of them has a policy: ` +
      'its changes are staged, counted and left by that name. Rename one of them, or keep the names of classes where the code is bundled ' +
      '(esbuild --keep-names, terser keep_classnames)',
  );
}

function placeOf({ table }: EntityPlaces): string {
  return table === undefined ? 'an embeddable' : `table ${table}`;
}

interface FoundPolicy {
  readonly place: string;
  readonly policy: StoredPolicy;
}

function policyOf(entity: EntityPlaces, entries: readonly PolicyEntry[]): StoredPolicy | undefined {
  const [first, ...others] = placesOf(entity, entries);
  const other = others.find((found) => !isSamePolicy(found.policy, first?.policy));
  if (first && other) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${entity.name} has two policies that differ: one ${first.place}, the other ${other.place}. Keep one of them`,
    );
  }
  return first?.policy;
}

/** One table has one queue. */
function refuseOther(name: string, root: string, policies: Map<string, StoredPolicy>): void {
  if (!isSamePolicy(policies.get(name), policies.get(root))) {
    const decorator = modeOf(policies.get(name) ?? {}) === 'through' ? '@WriteThrough' : '@WriteBehind';
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${name} has a policy of its own, but shares the table of ${root}, ${policies.has(root) ? 'which has another one' : 'which has none'}. Put ${decorator} on ${root} alone: it is for all rows of the table`,
    );
  }
  policies.delete(name);
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

/** Reads a schema's class late, because the class may be replaced until the ORM discovers it. */
export function classOf(target: PolicyTarget): PolicyClass {
  return typeof target === 'function' ? target : (target as PolicySchema).class;
}
