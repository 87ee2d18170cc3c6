import type { EntityMetadata } from '@mikro-orm/core';

/** The properties of an entity whose values no other row may have, alone or together, beside the primary key; `all` where it cannot be told. */
export type UniqueProperties = ReadonlySet<string> | 'all';

export function uniqueProperties({ root }: EntityMetadata): UniqueProperties {
  const names = new Set(root.props.filter(({ unique, primary }) => unique && !primary).map(({ name }) => name));
  for (const { properties, expression } of root.uniques) {
    const known = [properties ?? []].flat().map(String);
    if (expression !== undefined || known.some((name) => !(name in root.properties))) return 'all';
    for (const name of known) names.add(name);
  }
  // A statement of its own: `create unique index …`.
  return root.indexes.some(({ expression }) => expression !== undefined) ? 'all' : names;
}

/** Whether any of these properties is one of them. */
export function namesUnique(unique: UniqueProperties, values: object): boolean {
  return unique === 'all' || Object.keys(values).some((name) => unique.has(name));
}
