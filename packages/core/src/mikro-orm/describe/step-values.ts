import type { StepValues } from '../../change/step.js';
import type { TypeRegistry } from './type-registry.js';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * The values of an entity of which no two changes are merged before they are written: values that only one row may
 * have, and references to rows with such values, since such a row can go only when no row refers to it. `undefined` if
 * there are none.
 */
export function stepValues(type: WriteBehindType, types: TypeRegistry): StepValues | undefined {
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
