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
  const all = new Set<WriteBehindType>();
  const joined = new Set<WriteBehindType>();
  const addTo = (sets: readonly Set<WriteBehindType>[], touched: EntityMetadata | undefined): void => {
    const type = registry.of(touched);
    if (type) for (const set of sets) set.add(type);
  };
  if (isSql(meta)) return { all: new Set(registry.all), joined: new Set(registry.all) };
  addTo([all], meta);
  for (const property of inverseOwners(meta)) addTo([all, joined], property.targetMeta);
  for (const condition of conditions) walkCondition(meta, condition, (touched) => addTo([all], touched));
  if (Array.isArray(populate))
    walkPopulate(meta, populate as PopulateHint[], (touched, isJoined) =>
      addTo(isJoined ? [all, joined] : [all], touched),
    );
  return { all, joined };
}

function isSql({ virtual, view, expression }: EntityMetadata): boolean {
  return virtual === true || Boolean(view) || expression !== undefined;
}

/** One-to-one relations whose reference is a column of the other table: MikroORM joins that table to every query, populated or not. */
export function inverseOwners(meta: EntityMetadata): EntityProperty[] {
  return meta.relations.filter(({ kind, owner, lazy }) => kind === ReferenceKind.ONE_TO_ONE && !owner && lazy !== true);
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

function walkPopulate(
  meta: EntityMetadata,
  hints: readonly PopulateHint[],
  add: (meta: EntityMetadata, isJoined: boolean) => void,
): void {
  for (const hint of hints) {
    const target = meta.properties[hint.field.split(':')[0] as never]?.['targetMeta'];
    if (!target) continue;
    add(target, hint.strategy !== 'select-in');
    for (const property of inverseOwners(target)) if (property.targetMeta) add(property.targetMeta, true);
    walkPopulate(target, hint.children ?? [], add);
  }
}
