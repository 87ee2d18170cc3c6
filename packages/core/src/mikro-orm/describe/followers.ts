import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';

/**
 * By the class of a type: the types whose rows the database itself changes when rows of that type are deleted, or get
 * other keys.
 */
export interface Followers {
  readonly ofDeletes: ReadonlyMap<unknown, readonly EntityMetadata[]>;
  readonly ofRenames: ReadonlyMap<unknown, readonly EntityMetadata[]>;
  /** The same as `ofDeletes`, and the types whose rows keep the database from deleting a row that they refer to. */
  readonly orKeepers: ReadonlyMap<unknown, readonly EntityMetadata[]>;
}

export const NOBODY_FOLLOWS: Followers = { ofDeletes: new Map(), ofRenames: new Map(), orKeepers: new Map() };

type Kind = 'delete' | 'rename' | 'delete or keep';

/**
 * Follows `on delete cascade` from table to table; `set null` and the like end there. Every reference to a row that
 * gets another key is taken to follow it.
 */
export function findFollowers(metas: readonly EntityMetadata[]): Followers {
  const references = metas.flatMap((meta) =>
    meta.relations.filter(isForeignKey).map((property) => ({ meta, property, target: rootOf(property.targetMeta) })),
  );
  const followersOf = (root: unknown, kind: Kind): EntityMetadata[] => {
    const isRename = kind === 'rename';
    const found = new Map<unknown, EntityMetadata>();
    const visited = new Set<unknown>();
    const visit = (target: unknown): void => {
      if (visited.has(target)) return;
      visited.add(target);
      for (const { meta, property } of references.filter((reference) => reference.target === target)) {
        const rule = isRename ? 'cascade' : (property.deleteRule ?? 'no action');
        if (/^(no action|restrict)$/i.test(rule) && kind !== 'delete or keep') continue;
        found.set(rootOf(meta), meta.root);
        // A key that is a reference itself goes on; so does a deleted row.
        if (/^cascade$/i.test(rule) && (!isRename || property.primary)) visit(rootOf(meta));
      }
    };
    visit(root);
    return [...found.values()];
  };
  const roots = [...new Set(metas.map(rootOf))];
  const mapOf = (kind: Kind) => new Map(roots.map((root) => [root, followersOf(root, kind)]));
  return { ofDeletes: mapOf('delete'), ofRenames: mapOf('rename'), orKeepers: mapOf('delete or keep') };
}

function isForeignKey({ kind, owner }: EntityProperty): boolean {
  return kind === ReferenceKind.MANY_TO_ONE || (kind === ReferenceKind.ONE_TO_ONE && owner);
}

function rootOf(meta: EntityMetadata | undefined): unknown {
  return meta?.root.class;
}
