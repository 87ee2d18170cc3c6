import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import { hasColumn } from './unsupported.js';

/** One column of a property. A scalar has one; a reference has as many as the key that it refers to. */
export interface PropertyColumn {
  readonly name: string;
  /** As the metadata declares it. */
  readonly type: string;
  /**
   * The scalar property whose values stand in the column: the property itself, or the part of the key that a reference
   * ends at.
   */
  readonly leaf: EntityProperty;
}

export function columnsOf(property: EntityProperty): PropertyColumn[] {
  const leaves = leavesOf(property);
  return property.fieldNames.map((name, position) => {
    const leaf = leaves[position] ?? property;
    return { name, type: property.columnTypes[position] ?? leaf.columnTypes[0] ?? '', leaf };
  });
}

function leavesOf(property: EntityProperty): EntityProperty[] {
  const { targetMeta, targetKey } = property;
  const unique = targetKey === undefined ? undefined : targetMeta?.properties[targetKey];
  if (unique) return leavesOf(unique);
  return targetMeta ? targetMeta.getPrimaryProps().flatMap(leavesOf) : [property];
}

/**
 * The name of a column's value in records: the property, or the property and the column if the property has several.
 * Columns are written one by one, and a row's values are always named by column.
 */
export function valueName(property: EntityProperty, column: string): string {
  return property.fieldNames.length === 1 ? property.name : `${property.name}.${column}`;
}

/**
 * The scalars that write a relation which itself is for reading only (`persist: false`), in the order of the key that
 * it refers to; `undefined` for a relation that is written itself, or by nothing.
 */
export function scalarsOf(meta: EntityMetadata, relation: EntityProperty): EntityProperty[] | undefined {
  const isReference = relation.kind === ReferenceKind.MANY_TO_ONE || relation.owner;
  if (relation.persist !== false || relation.through || !isReference) return undefined;
  const scalars = (relation.fieldNames ?? []).map((column) =>
    meta.props.find((each) => each.persist !== false && hasColumn(each) && each.fieldNames.includes(column)),
  );
  return scalars.length > 0 && scalars.every((scalar) => scalar !== undefined) ? scalars : undefined;
}
