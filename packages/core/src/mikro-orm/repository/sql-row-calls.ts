import { OptimisticLockError, raw, type EntityManager, type Platform } from '@mikro-orm/core';
import { keyRow } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { FELL_BACK, type Fallback } from '../write/fallback.js';
import { decimalText } from '../values/counter-delta.js';
import { buildIncrement, type Increments } from '../write/build-increment.js';
import { buildPatch, type PatchOptions } from '../write/build-patch.js';
import type { Receipt } from './receipt.js';

/**
 * Row calls by SQL: the same, at once, after what is pending of the row was written. They go this way where staging
 * is turned off or has no room, in the transaction of their entity manager, and under
 * its session context.
 * @throws SpillwayError `CONFIG_INVALID` as when it is staged; MikroORM's `OptimisticLockError` for a row that is not there, or has another version
 */
export class SqlRowCalls {
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** @param way why it was not staged, if that was tried */
  async patch(
    em: EntityManager,
    type: WriteBehindType,
    key: unknown,
    changes: object,
    options: PatchOptions,
    way?: Fallback,
  ): Promise<Receipt> {
    const { rowKey } = buildPatch(type, key, changes, options, this.#platform);
    const expected =
      type.version && options.version !== undefined ? { [type.version.property.name]: options.version } : {};
    return update(em, type, key, { where: { ...keyRow(type, rowKey), ...expected }, data: changes, way });
  }

  /** As when it is staged, it neither compares nor raises the version. */
  async increment(
    em: EntityManager,
    type: WriteBehindType,
    key: unknown,
    increments: Increments,
    way?: Fallback,
  ): Promise<Receipt> {
    const { rowKey, deltas } = buildIncrement(type, key, increments);
    const { meta, version, counters } = type;
    const columnOf = (name: string): string => meta.properties[name]?.fieldNames[0] ?? name;
    const sums = Object.entries(deltas).map(([name, delta]) => [
      name,
      raw('coalesce(??, 0) + ?', [columnOf(name), decimalText(BigInt(delta), counters.get(name) ?? 0)]),
    ]);
    const kept = version ? { [version.property.name]: raw('??', [columnOf(version.property.name)]) } : {};
    const data = { ...Object.fromEntries(sums), ...kept };
    return update(em, type, key, { where: keyRow(type, rowKey), data, way });
  }
}

interface Update {
  readonly where: object;
  readonly data: object;
  readonly way: Fallback | undefined;
}

async function update(
  em: EntityManager,
  { meta }: WriteBehindType,
  key: unknown,
  { where, data, way }: Update,
): Promise<Receipt> {
  const options = way && { [FELL_BACK]: way };
  const written = await em.nativeUpdate(meta.class, where, data, options as object | undefined);
  if (written === 0) throw OptimisticLockError.lockFailed(meta.className);
  return { keys: [key] as Receipt['keys'], versions: [undefined], written: async () => {} };
}
