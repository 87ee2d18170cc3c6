import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { WriteBehindType } from './write-behind-type.js';

/** By the class of a type: the cached types whose rows the database itself changes when rows of it go, or get other keys. */
export interface CacheFollowers {
  readonly ofDeletes: ReadonlyMap<unknown, readonly WriteBehindType[]>;
  readonly ofRenames: ReadonlyMap<unknown, readonly WriteBehindType[]>;
}

/** Follows `on delete cascade` from table to table; `set null` and the like end there. What refers to a row that gets another key is taken to follow it. */
export function cacheFollowers(
  metas: readonly EntityMetadata[],
  cachedOf: (meta: EntityMetadata) => WriteBehindType | undefined,
): CacheFollowers {
  const references = metas.flatMap((meta) =>
    meta.relations.filter(isForeignKey).map((property) => ({ meta, property, target: rootOf(property.targetMeta) })),
  );
  const followersOf = (root: unknown, isRename: boolean): WriteBehindType[] => {
    const found = new Set<WriteBehindType>();
    const visited = new Set<unknown>();
    const visit = (target: unknown): void => {
      if (visited.has(target)) return;
      visited.add(target);
      for (const { meta, property } of references.filter((reference) => reference.target === target)) {
        const rule = isRename ? 'cascade' : (property.deleteRule ?? 'no action');
        if (/^(no action|restrict)$/i.test(rule)) continue;
        const type = cachedOf(meta);
        if (type) found.add(type);
        // A key that is a reference itself goes on; so does a deleted row.
        if (/^cascade$/i.test(rule) && (!isRename || property.primary)) visit(rootOf(meta));
      }
    };
    visit(root);
    return [...found];
  };
  const roots = [...new Set(metas.map(rootOf))];
  const mapOf = (isRename: boolean) => new Map(roots.map((root) => [root, followersOf(root, isRename)]));
  return { ofDeletes: mapOf(false), ofRenames: mapOf(true) };
}

function isForeignKey({ kind, owner }: EntityProperty): boolean {
  return kind === ReferenceKind.MANY_TO_ONE || (kind === ReferenceKind.ONE_TO_ONE && owner);
}

function rootOf(meta: EntityMetadata | undefined): unknown {
  return meta?.root.class;
}
