import { LockMode, OptimisticLockError, type AnyEntity, type ChangeSet, type EntityMetadata } from '@mikro-orm/core';
import { rowKeyIn } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { keyCondition } from '../describe/key-condition.js';
import { rowVersion, type DriverRow } from '../read/row-overlay.js';
import { buildDelete } from '../change/build-change.js';
import { comparesNothing } from '../change/fallback.js';
import { DRAINED } from '../change/staging-unit.js';

/** The reader of rows: MikroORM's driver. */
interface Finder {
  find(entity: EntityMetadata['class'], where: object, options: object): Promise<unknown>;
}

/**
 * Before a flush deletes rows without knowing their pending changes. MikroORM's own delete compares no version, nor
 * whether there was a row. The rows are therefore locked and compared in the transaction that deletes them. A row that
 * is not there yet, or not yet as the entity was read, has a pending change, which would bring it back.
 * @throws MikroORM's `OptimisticLockError`; SpillwayError `STAGING_UNAVAILABLE` for an entity whose version was never
 * loaded
 */
export async function assertUnchanged(
  changeSets: readonly ChangeSet<AnyEntity>[],
  types: TypeRegistry,
  driver: Finder,
  ctx: unknown,
): Promise<void> {
  for (const [meta, ofMeta] of Map.groupBy(changeSets, (changeSet) => changeSet.meta)) {
    const type = types.of(meta);
    if (!type) continue;
    const deletes = ofMeta.map((changeSet) => buildDelete(type, changeSet, () => true));
    if (deletes.some(({ base }) => base === undefined)) throw comparesNothing('em.remove()', type, undefined);
    const where = keyCondition(
      type,
      deletes.map(({ rowKey }) => rowKey),
    );
    const options = { ctx, lockMode: LockMode.PESSIMISTIC_WRITE, [DRAINED]: true };
    const found = (await driver.find(type.meta.class, where, options)) as DriverRow[];
    const versions = new Map(found.map((row) => [rowKeyIn(type, row), rowVersion(type, row)]));
    for (const [index, { rowKey, base }] of deletes.entries())
      if (versions.get(rowKey) !== base) throw OptimisticLockError.lockFailed(ofMeta[index]?.entity ?? meta.className);
  }
}
