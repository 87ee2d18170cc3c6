import { OptimisticLockError, raw, Utils, type EntityManager, type Platform } from '@mikro-orm/core';
import type { Change } from '../../change/change.js';
import { keyRow } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { FELL_BACK, type Fallback } from '../change/fallback.js';
import { decimalText } from '../values/counter-delta.js';
import { buildPatch, type PatchOptions } from '../write/build-patch.js';
import type { PreparedIncrement } from '../write/prepare-increment.js';
import type { Receipt } from './receipt.js';

/** How a call comes to be written by SQL. */
export interface SqlWay {
  /** Why the call was not staged, if staging was tried. */
  readonly way: Fallback | undefined;
  /** Ends the statements of the call. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Row calls by SQL: the same calls, written at once, after pending changes of the row have been written. They go this
 * way if staging is turned off or has no room, in the transaction of their entity manager, and under its session
 * context.
 * @throws SpillwayError `CONFIG_INVALID` as when the call is staged; MikroORM's `OptimisticLockError` for a missing
 * row, or a row of another version
 */
export class SqlRowCalls {
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async patch(
    em: EntityManager,
    type: WriteBehindType,
    { key, changes, options }: { readonly key: unknown; readonly changes: object; readonly options: PatchOptions },
    how: SqlWay,
  ): Promise<Receipt> {
    const { rowKey } = buildPatch(type, key, changes, options, this.#platform);
    const expected =
      type.version && options.version !== undefined ? { [type.version.property.name]: options.version } : {};
    const written = await update(em, type, { where: { ...keyRow(type, rowKey), ...expected }, data: changes, how });
    if (!written) throw OptimisticLockError.lockFailed(type.meta.className);
    return receiptOf([key]);
  }

  /**
   * As when they are staged, increments neither compare nor raise the version. Several are written together or not at
   * all.
   */
  async increments(
    em: EntityManager,
    type: WriteBehindType,
    increments: readonly PreparedIncrement[],
    how: SqlWay,
  ): Promise<Receipt> {
    const writeAll = async (within: EntityManager): Promise<void> => {
      for (const increment of increments) await this.#increment(within, type, increment, how);
    };
    await (increments.length > 1 ? em.transactional(writeAll) : writeAll(em));
    return receiptOf(increments.map(({ key }) => key));
  }

  /** Between two statements another session may make the row, or delete it. */
  async #increment(em: EntityManager, type: WriteBehindType, increment: PreparedIncrement, how: SqlWay): Promise<void> {
    for (let round = 1; round <= ROUNDS; round += 1) {
      if (await this.#add(em, type, increment, how)) return;
      if (increment.otherwise === 'drop') return;
      if (increment.otherwise === 'dead-letter') break;
      await make(em, type, increment, how);
    }
    throw OptimisticLockError.lockFailed(type.meta.className);
  }

  async #add(
    em: EntityManager,
    type: WriteBehindType,
    { change: { rowKey, deltas } }: PreparedIncrement,
    how: SqlWay,
  ): Promise<boolean> {
    const { meta, version, counters } = type;
    const columnOf = (name: string): string => meta.properties[name]?.fieldNames[0] ?? name;
    const sums = Object.entries(deltas).map(([name, delta]) => [
      name,
      raw('coalesce(??, 0) + ?', [columnOf(name), decimalText(BigInt(delta), counters.get(name) ?? 0)]),
    ]);
    const kept = version ? { [version.property.name]: raw('??', [columnOf(version.property.name)]) } : {};
    const data = { ...Object.fromEntries(sums), ...kept };
    return update(em, type, { where: keyRow(type, rowKey), data, how });
  }
}

/** How often a row may come and go between two statements. */
const ROUNDS = 5;

/** Makes the row with counters as they begin, unless it is there. */
async function make(
  em: EntityManager,
  type: WriteBehindType,
  { key, change, data }: PreparedIncrement,
  how: SqlWay,
): Promise<void> {
  const { meta } = type;
  const parts = Utils.isPlainObject(key) ? key : { [meta.primaryKeys[0] ?? '']: key };
  const named = meta.primaryKeys.length === 1 ? parts : keyRow(type, change.rowKey);
  const options = {
    onConflictFields: meta.primaryKeys,
    onConflictAction: 'ignore',
    disableIdentityMap: true,
    ...optionsOf(how),
  };
  await em.upsert(meta.class, { ...begun(type, change), ...data, ...named }, options as never);
}

/** Counters that begin at zero because nothing else says where. */
function begun({ counters }: WriteBehindType, { missing }: Change): Record<string, unknown> {
  const create = missing === undefined || missing === 'drop' ? {} : missing.create;
  return Object.fromEntries([...counters.keys()].flatMap((name) => (name in create ? [[name, 0]] : [])));
}

interface Update {
  readonly where: object;
  readonly data: object;
  readonly how: SqlWay;
}

function optionsOf({ way, signal }: SqlWay): object {
  return { ...(way && { [FELL_BACK]: way }), ...(signal && { signal }) };
}

async function update(em: EntityManager, { meta }: WriteBehindType, { where, data, how }: Update): Promise<boolean> {
  return (await em.nativeUpdate(meta.class, where, data, optionsOf(how))) > 0;
}

function receiptOf(keys: readonly unknown[]): Receipt {
  return { keys, versions: keys.map(() => undefined), written: async () => {} };
}
