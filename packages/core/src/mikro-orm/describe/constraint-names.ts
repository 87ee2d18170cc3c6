import type { EntityMetadata } from '@mikro-orm/core';

/**
 * The constraints and indexes that an entity's metadata names. MikroORM or PostgreSQL make all other names from the
 * names of the table and its columns.
 */
export function constraintNames({ root }: EntityMetadata): readonly string[] {
  const ofEntity = [...root.uniques, ...root.indexes, ...root.checks].map(({ name }) => name);
  const ofProperties = root.props.flatMap(({ unique, index, foreignKeyName }) => [unique, index, foreignKeyName]);
  return [...ofEntity, ...ofProperties].filter((name) => typeof name === 'string');
}
