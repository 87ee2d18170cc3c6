import { ReferenceKind, Utils, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

interface PopulateHint {
  readonly field: string;
  readonly strategy?: string;
  readonly children?: readonly PopulateHint[];
}

/** The write-behind types that one query reads. */
export interface TouchedTypes {
  readonly all: ReadonlySet<WriteBehindType>;
  /** Those whose rows are, or may be, part of the rows that it answers. */
  readonly joined: ReadonlySet<WriteBehindType>;
}

/** A query as MikroORM hands it to its driver. */
export interface ReadQuery {
  readonly meta: EntityMetadata;
  /** Conditions and orders: whatever may reach other types through relations. */
  readonly conditions: readonly unknown[];
  readonly populate: unknown;
}

/**
 * The write-behind types whose rows a query reads: its root, and whatever it joins to populate, to filter or to order. What is SQL in it (raw conditions, formulas) cannot be seen; a
 * view or a virtual entity is nothing else, so it may read everything.
 */
export function touchedTypes(registry: TypeRegistry, { meta, conditions, populate }: ReadQuery): TouchedTypes {
  if (isSql(meta)) return { all: new Set(registry.all), joined: new Set(registry.all) };
  const all = new Set<WriteBehindType>();
  const joined = new Set<WriteBehindType>();
  const touch = (type: WriteBehindType | undefined, isJoined: boolean): void => {
    if (!type) return;
    all.add(type);
    if (isJoined) joined.add(type);
  };
  touch(registry.of(meta), false);
  for (const type of readAlong(registry, meta)) touch(type, true);
  for (const condition of conditions) walkCondition(registry, meta, condition, touch);
  if (Array.isArray(populate)) walkPopulate(registry, meta, populate as PopulateHint[], touch);
  return { all, joined };
}

type Touch = (type: WriteBehindType | undefined, isJoined: boolean) => void;

function isSql({ virtual, view, expression }: EntityMetadata): boolean {
  return virtual === true || Boolean(view) || expression !== undefined;
}

/**
 * The types that MikroORM reads with every row of an entity, populated or not: it joins the table that holds the reference of a one-to-one relation, and looks into that of a relation
 * through another entity.
 */
export function readAlong(registry: TypeRegistry, meta: EntityMetadata): WriteBehindType[] {
  return meta.relations.flatMap((property) => {
    const isInverse = property.kind === ReferenceKind.ONE_TO_ONE && !property.owner && !property.through;
    if (property.lazy === true) return [];
    const type = isInverse ? registry.of(property.targetMeta) : through(registry, property);
    return type ? [type] : [];
  });
}

function through(registry: TypeRegistry, property: EntityProperty): WriteBehindType | undefined {
  return property.through && registry.ofClass(property.through.entity);
}

function walkCondition(registry: TypeRegistry, meta: EntityMetadata, condition: unknown, touch: Touch): void {
  if (Array.isArray(condition)) {
    for (const part of condition) walkCondition(registry, meta, part, touch);
  } else if (Utils.isPlainObject(condition)) {
    for (const [name, part] of Object.entries(condition)) {
      const property = meta.properties[name as never] as EntityProperty | undefined;
      if (property?.targetMeta) touch(registry.of(property.targetMeta), false);
      if (property) touch(through(registry, property), false);
      walkCondition(registry, property?.targetMeta ?? meta, part, touch);
    }
  }
}

function walkPopulate(
  registry: TypeRegistry,
  meta: EntityMetadata,
  hints: readonly PopulateHint[],
  touch: Touch,
): void {
  for (const hint of hints) {
    const property = meta.properties[hint.field.split(':')[0] as never] as EntityProperty | undefined;
    const target = property?.targetMeta;
    if (!target) continue;
    touch(registry.of(target), hint.strategy !== 'select-in');
    for (const type of readAlong(registry, target)) touch(type, true);
    walkPopulate(registry, target, hint.children ?? [], touch);
  }
}
