import { ReferenceKind, Utils, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import { isSql, type TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

interface PopulateHint {
  readonly field: string;
  readonly strategy?: string;
  readonly children?: readonly PopulateHint[];
}

/** The write-behind types that one query reads. */
export interface TouchedTypes {
  readonly all: ReadonlySet<WriteBehindType>;
  /** The types whose rows are, or may be, part of the rows that it answers. */
  readonly joined: ReadonlySet<WriteBehindType>;
}

/** A query as MikroORM hands it to its driver. */
export interface ReadQuery {
  readonly meta: EntityMetadata;
  /** Conditions and orders: they may reach other types through relations. */
  readonly conditions: readonly unknown[];
  readonly populate: unknown;
}

/**
 * The write-behind types whose rows a query reads, as far as its arguments tell: its root, and the types that it joins
 * to populate, to filter or to order. A view or a virtual entity may read everything. The SQL that MikroORM makes of
 * the query has the last word (`SentStatements`).
 */
export function touchedTypes(registry: TypeRegistry, { meta, conditions, populate }: ReadQuery): TouchedTypes {
  if (isSql(meta)) return { all: new Set(registry.all), joined: new Set(registry.all) };
  const all = new Set<WriteBehindType>();
  const joined = new Set<WriteBehindType>();
  const touch: Touch = (types, isJoined) => {
    for (const type of types) {
      all.add(type);
      if (isJoined) joined.add(type);
    }
  };
  touch(readBy(registry, meta), false);
  touch(readAlong(registry, meta), true);
  for (const condition of conditions) walkCondition(registry, meta.properties, condition, touch);
  if (Array.isArray(populate)) walkPopulate(registry, meta.properties, populate as PopulateHint[], touch);
  return { all, joined };
}

type Properties = Readonly<Record<string, EntityProperty>>;
type Touch = (types: readonly WriteBehindType[], isJoined: boolean) => void;

/** The types that a read of an entity's rows reads. */
function readBy(registry: TypeRegistry, meta: EntityMetadata): readonly WriteBehindType[] {
  if (isSql(meta)) return registry.all;
  const type = registry.of(meta);
  return type ? [type] : [];
}

/**
 * The types that MikroORM reads with every row of an entity, populated or not: it joins the table that holds the
 * reference of a one-to-one relation, and looks into that of a relation through another entity.
 */
export function readAlong(registry: TypeRegistry, meta: EntityMetadata): WriteBehindType[] {
  return meta.relations.flatMap((property) => {
    const isInverse = property.kind === ReferenceKind.ONE_TO_ONE && !property.owner && !property.through;
    if (property.lazy === true) return [];
    return isInverse ? targetsOf(property).flatMap((target) => readBy(registry, target)) : through(registry, property);
  });
}

function through(registry: TypeRegistry, property: EntityProperty): WriteBehindType[] {
  const type = property.through && registry.ofClass(property.through.entity);
  return type ? [type] : [];
}

/** The entities that a relation may lead to: a polymorphic one has several. */
function targetsOf({ targetMeta, polymorphTargets }: EntityProperty): readonly EntityMetadata[] {
  if (polymorphTargets && polymorphTargets.length > 0) return polymorphTargets;
  return targetMeta ? [targetMeta] : [];
}

/** The properties that names may stand for behind this one: those of its target, or of the embeddable that it is. */
function inside(property: EntityProperty): Properties {
  const [only = {}, ...others] = [
    ...targetsOf(property).map(({ properties }) => properties as Properties),
    ...(property.embeddedProps ? [property.embeddedProps as Properties] : []),
  ];
  return others.reduce<Properties>((all, properties) => ({ ...all, ...properties }), only);
}

function walkCondition(registry: TypeRegistry, properties: Properties, condition: unknown, touch: Touch): void {
  if (Array.isArray(condition)) {
    for (const part of condition) walkCondition(registry, properties, part, touch);
  } else if (Utils.isPlainObject(condition)) {
    for (const [name, part] of Object.entries(condition)) {
      const property = properties[name];
      if (!property) {
        walkCondition(registry, properties, part, touch);
        continue;
      }
      for (const target of targetsOf(property)) touch(readBy(registry, target), false);
      touch(through(registry, property), false);
      walkCondition(registry, inside(property), part, touch);
    }
  }
}

function walkPopulate(
  registry: TypeRegistry,
  properties: Properties,
  hints: readonly PopulateHint[],
  touch: Touch,
): void {
  for (const hint of hints) {
    const property = properties[hint.field.split(':')[0] ?? ''];
    if (!property) continue;
    for (const target of targetsOf(property)) {
      touch(readBy(registry, target), hint.strategy !== 'select-in');
      touch(readAlong(registry, target), true);
    }
    walkPopulate(registry, inside(property), hint.children ?? [], touch);
  }
}
