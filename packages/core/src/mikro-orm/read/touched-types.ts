import { ReferenceKind, Utils, type EntityMetadata } from '@mikro-orm/core';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

interface PopulateHint {
  readonly field: string;
  readonly children?: readonly PopulateHint[];
}

/** The write-behind types whose rows a query reads: its root, and whatever it joins to populate, to filter or to order. */
export function touchedTypes(
  registry: TypeRegistry,
  meta: EntityMetadata,
  conditions: readonly unknown[],
  populate: unknown,
): Set<WriteBehindType> {
  const touched = new Set<WriteBehindType>();
  const add = (touchedMeta: EntityMetadata): void => {
    const type = registry.of(touchedMeta);
    if (type) touched.add(type);
    for (const owner of joinedOwners(registry, touchedMeta)) touched.add(owner);
  };
  add(meta);
  for (const condition of conditions) walkCondition(meta, condition, add);
  if (Array.isArray(populate)) walkPopulate(meta, populate as PopulateHint[], add);
  return touched;
}

/**
 * The write-behind types that a row of this entity cannot be read without: where a one-to-one relation is owned by the other side, MikroORM joins that side's table to find the key,
 * whatever is populated.
 */
export function joinedOwners(registry: TypeRegistry, meta: EntityMetadata): WriteBehindType[] {
  return meta.relations.flatMap(({ kind, owner, lazy, targetMeta }) => {
    const isJoined = kind === ReferenceKind.ONE_TO_ONE && !owner && !lazy;
    return (isJoined && targetMeta && registry.of(targetMeta)) || [];
  });
}

function walkCondition(meta: EntityMetadata, condition: unknown, add: (meta: EntityMetadata) => void): void {
  if (Array.isArray(condition)) {
    for (const part of condition) walkCondition(meta, part, add);
  } else if (Utils.isPlainObject(condition)) {
    for (const [name, part] of Object.entries(condition)) {
      const target = meta.properties[name as never]?.['targetMeta'];
      if (target) add(target);
      walkCondition(target ?? meta, part, add);
    }
  }
}

function walkPopulate(meta: EntityMetadata, hints: readonly PopulateHint[], add: (meta: EntityMetadata) => void): void {
  for (const hint of hints) {
    const target = meta.properties[hint.field.split(':')[0] as never]?.['targetMeta'];
    if (!target) continue;
    add(target);
    walkPopulate(target, hint.children ?? [], add);
  }
}
