import type { RulesByEntity } from '../../staging/entity-rules.js';
import type { StepValues } from '../../change/step.js';
import type { TypeRegistry } from './type-registry.js';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * The rules by which the staging store treats each entity. `maxPending` is for all shards together; each shard gets an
 * equal part of it as its bound.
 */
export function stagingRules(types: TypeRegistry, shards: number): RulesByEntity {
  return Object.fromEntries(types.all.map((type) => [type.meta.className, rulesOf(type, types, shards)]));
}

function rulesOf(type: WriteBehindType, types: TypeRegistry, shards: number): RulesByEntity[string] {
  const steps = stepValues(type, types);
  return {
    ...type.policy,
    maxPending: Math.ceil(type.policy.maxPending / shards),
    policy: policyText(type),
    ...(steps !== undefined && { steps }),
  };
}

/**
 * The values of an entity of which no two changes are merged before they are written: values that only one row may
 * have, and references to rows with such values, since such a row can go only when no row refers to it. `undefined` if
 * there are none.
 */
function stepValues(type: WriteBehindType, types: TypeRegistry): StepValues | undefined {
  const { unique } = type;
  if (unique === 'all') return 'all';
  const names = [...type.values]
    .filter(([, { property }]) => unique.has(property.name) || hasUnique(types.of(property.targetMeta)))
    .map(([name]) => name);
  const known = new Set([...type.values.values()].map(({ property }) => property.name));
  // A part of something larger, such as a property of an embeddable.
  if ([...unique].some((name) => !known.has(name) && !(type.meta.properties[name]?.primary ?? false))) return 'all';
  return names.length === 0 ? undefined : names;
}

function hasUnique(type: WriteBehindType | undefined): boolean {
  return type !== undefined && (type.unique === 'all' || type.unique.size > 0);
}

/**
 * The parts of a policy that two releases must share for pending records of an entity to mean the same to both: the
 * table with its key, the counters with their digits, how conflicts are noticed and settled, and the kind of version.
 * How long records wait and how often they are tried may differ. All conflict functions count as the same one.
 */
function policyText({ table, policy, counters, version }: WriteBehindType): string {
  const { conflict } = policy;
  return JSON.stringify({
    table: [table.schema, table.name],
    key: table.key.map(({ name, type }) => [name, type]),
    counters: [...counters].toSorted(([one], [other]) => (one < other ? -1 : 1)),
    detect: table.detect,
    conflict: conflict.kind === 'function' ? 'function' : conflict,
    version: version?.kind,
  });
}
