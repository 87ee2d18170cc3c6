import type { EntityManager } from '@mikro-orm/core';
import type { VersionText } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';

/**
 * Which version of a row an entity manager knows from staging: laid over the row, staged by the entity manager
 * itself, or given to `em.merge()` by a caller who may know it from there. A version that is not among them was read
 * in the database. The staging store refuses such a version where it equals that of a dirty record, which is in no
 * row (R10b of the design).
 */
export class StagedVersions {
  readonly #versions = new Map<RowKey, VersionText>();

  note(rowKey: RowKey, version: VersionText | undefined): void {
    if (version !== undefined) this.#versions.set(rowKey, version);
  }

  /** The row was read anew, and nothing was laid over it. */
  forget(rowKey: RowKey): void {
    this.#versions.delete(rowKey);
  }

  has(rowKey: RowKey, version: VersionText): boolean {
    return this.#versions.get(rowKey) === version;
  }
}

const known = new WeakMap<object, StagedVersions>();

export function stagedVersionsOf(em: EntityManager): StagedVersions {
  const versions = known.get(em) ?? new StagedVersions();
  known.set(em, versions);
  return versions;
}

/**
 * A fork that shares entities with its origin, as every transaction has one, shares what is known of their versions.
 */
export function shareStagedVersions(origin: EntityManager, fork: EntityManager): void {
  known.set(fork, stagedVersionsOf(origin));
}

/** After `em.clear()` the entity manager holds no version. Others that share its knowledge may. */
export function forgetStagedVersions(em: EntityManager): void {
  known.delete(em);
}
