import type { EntityManager } from '@mikro-orm/core';
import type { VersionText } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';

/**
 * The version of each row that an entity manager has read in the database, with nothing pending laid over the row. The
 * staging store refuses such a version if it equals that of a dirty record, which is in no row (H15).
 *
 * Entity managers also get versions in other ways: a row that was laid over, an own flush, `em.merge()`, MikroORM's
 * result cache, an entity of another entity manager. These are not kept here, because the caller may have seen a staged
 * state.
 */
export class ReadVersions {
  readonly #versions = new Map<RowKey, VersionText>();

  note(rowKey: RowKey, version: VersionText | undefined): void {
    if (version !== undefined) this.#versions.set(rowKey, version);
  }

  /** Something pending was laid over the row, or the entity manager has staged a change of it. */
  forget(rowKey: RowKey): void {
    this.#versions.delete(rowKey);
  }

  has(rowKey: RowKey, version: VersionText): boolean {
    return this.#versions.get(rowKey) === version;
  }
}

const known = new WeakMap<object, ReadVersions>();

export function readVersionsOf(em: EntityManager): ReadVersions {
  const versions = known.get(em);
  if (versions) return versions;
  const none = new ReadVersions();
  known.set(em, none);
  return none;
}

/** A fork that shares entities with its origin, as every transaction has one, shares the known versions too. */
export function shareReadVersions(origin: EntityManager, fork: EntityManager): void {
  known.set(fork, readVersionsOf(origin));
}

/** After `em.clear()` the entity manager holds no version. Entity managers that share its knowledge may. */
export function forgetReadVersions(em: EntityManager): void {
  known.delete(em);
}
