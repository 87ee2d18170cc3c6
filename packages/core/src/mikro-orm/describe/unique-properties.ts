import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';

/**
 * The properties of an entity whose values no other row may have, alone or together, beside the primary key; `all`
 * where it cannot be told.
 */
export type UniqueProperties = ReadonlySet<string> | 'all';

export function uniqueProperties({ root }: EntityMetadata): UniqueProperties {
  const names = new Set(root.props.filter(({ unique, primary }) => unique && !primary).map(({ name }) => name));
  for (const { properties, expression } of root.uniques) {
    const known = expression === undefined ? [properties ?? []].flat().map(String) : namesIn(expression, root);
    if (known.length === 0 || known.some((name) => !(name in root.properties))) return 'all';
    for (const name of known) names.add(name);
  }
  for (const { expression } of root.indexes) {
    // A statement of its own: `create unique index …`.
    if (expression === undefined || (typeof expression === 'string' && !/\bunique\b/i.test(expression))) continue;
    const known = namesIn(expression, root);
    if (known.length === 0) return 'all';
    for (const name of known) names.add(name);
  }
  return names;
}

/** A property that is not persisted has no columns. */
type Columns = Partial<Pick<EntityProperty, 'fieldNames'>>;

/** The properties whose columns an expression names; none where it cannot be told. */
function namesIn(expression: unknown, { props }: EntityMetadata): string[] {
  if (typeof expression !== 'string') return [];
  const words = new Set(expression.toLowerCase().match(/\w+/g));
  return props
    .filter(({ fieldNames }: Columns) => fieldNames?.some((column) => words.has(column.toLowerCase())) === true)
    .map(({ name }) => name);
}

/** True if one of these values is of a unique property. */
export function namesUnique(unique: UniqueProperties, values: object): boolean {
  return unique === 'all' || Object.keys(values).some((name) => unique.has(name));
}
