import type { Change, RowName } from './change.js';

/** A change of an entity that is about to be flushed. */
export type Draft = EntityDraft | (RowName & { readonly kind: 'delete' | 'count' });

interface EntityDraft extends RowName {
  readonly kind: 'insert' | 'update';
  readonly entity: { readonly id: string | number; readonly version?: number };
  readonly values: Readonly<Record<string, string>>;
}

/** The change that the flush will make, if no other writer is faster. */
export function intended(draft: Draft): Change {
  if (!('entity' in draft)) return draft;
  const { entity, ...change } = draft;
  return { ...change, version: (entity.version ?? 0) + 1 };
}

/** The change that the flush has made: the entity has its key and its new version. */
export function done(draft: Draft): Change {
  if (!('entity' in draft)) return draft;
  const { entity, ...change } = draft;
  const values = change.kind === 'insert' ? { ...change.values, id: String(entity.id) } : change.values;
  return { ...change, values, version: entity.version ?? 1 };
}
