import { OptimisticLockError, raw, type EntityManager, type Platform } from '@mikro-orm/core';
import { keyRow } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { FELL_BACK, type Fallback } from '../write/fallback.js';
import { decimalText } from '../values/counter-delta.js';
import { buildIncrement, type Increments } from '../write/build-increment.js';
import { buildPatch, type PatchOptions } from '../write/build-patch.js';
import type { Receipt } from './receipt.js';

/**
 * What row calls do where staging is turned off, or has no room: the same, at once, by SQL, after what is pending of the row. So an application that uses them can be turned off too.
 * @throws SpillwayError `CONFIG_INVALID` as when it is staged; MikroORM's `OptimisticLockError` for a row that is not there, or has another version
 */
export class SqlRowCalls {
  readonly #em: () => EntityManager;
  readonly #platform: Platform;

  constructor(em: () => EntityManager, platform: Platform) {
    this.#em = em;
    this.#platform = platform;
  }

  /** @param way why it was not staged, if that was tried */
  async patch(
    type: WriteBehindType,
    key: unknown,
    changes: object,
    options: PatchOptions,
    way?: Fallback,
  ): Promise<Receipt> {
    const { rowKey } = buildPatch(type, key, changes, options, this.#platform);
    const expected =
      type.version && options.version !== undefined ? { [type.version.property.name]: options.version } : {};
    return this.#update(type, key, { ...keyRow(type, rowKey), ...expected }, changes, way);
  }

  /** As when it is staged, it neither compares nor raises the version. */
  async increment(type: WriteBehindType, key: unknown, increments: Increments, way?: Fallback): Promise<Receipt> {
    const { rowKey, deltas } = buildIncrement(type, key, increments);
    const { meta, version, counters } = type;
    const columnOf = (name: string): string => meta.properties[name]?.fieldNames[0] ?? name;
    const sums = Object.entries(deltas).map(([name, delta]) => [
      name,
      raw('coalesce(??, 0) + ?', [columnOf(name), decimalText(BigInt(delta), counters.get(name) ?? 0)]),
    ]);
    const kept = version ? { [version.property.name]: raw('??', [columnOf(version.property.name)]) } : {};
    return this.#update(type, key, keyRow(type, rowKey), { ...Object.fromEntries(sums), ...kept }, way);
  }

  async #update(
    { meta }: WriteBehindType,
    key: unknown,
    where: object,
    data: object,
    way: Fallback | undefined,
  ): Promise<Receipt> {
    const options = way && { [FELL_BACK]: way };
    const written = await this.#em().nativeUpdate(meta.class, where, data, options as object | undefined);
    if (written === 0) throw OptimisticLockError.lockFailed(meta.className);
    return { keys: [key] as Receipt['keys'], versions: [undefined], written: async () => {} };
  }
}
