import { OptimisticLockError, raw, type EntityManager } from '@mikro-orm/core';
import { keyRow } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { decimalText } from '../values/counter-delta.js';
import { buildIncrement, type Increments } from './build-increment.js';

/**
 * What `increment()` does where staging is turned off: the same, at once. As when it is staged, it neither compares nor raises the version.
 * @throws SpillwayError `CONFIG_INVALID` as when it is staged; MikroORM's `OptimisticLockError` for a row that is not there
 */
export async function incrementBySql(
  em: EntityManager,
  type: WriteBehindType,
  key: unknown,
  increments: Increments,
): Promise<void> {
  const { rowKey, deltas } = buildIncrement(type, key, increments);
  const { meta, version, counters } = type;
  const columnOf = (name: string): string => meta.properties[name]?.fieldNames[0] ?? name;
  const sums = Object.entries(deltas).map(([name, delta]) => [
    name,
    raw('coalesce(??, 0) + ?', [columnOf(name), decimalText(BigInt(delta), counters.get(name) ?? 0)]),
  ]);
  const kept = version ? { [version.property.name]: raw('??', [columnOf(version.property.name)]) } : {};
  const data: Record<string, unknown> = { ...Object.fromEntries(sums), ...kept };
  const written = await em.nativeUpdate(meta.class, keyRow(type, rowKey), data);
  if (written === 0) throw OptimisticLockError.lockFailed(meta.className);
}
