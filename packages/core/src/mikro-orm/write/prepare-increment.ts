import type { EntityManager, EntityName, Platform, EntityData } from '@mikro-orm/core';
import type { Change, Missing } from '../../change/change.js';
import type { AnyEntity, CounterName } from '../../policy/entity-types.js';
import { keyRow, calledRowKey, incompleteKey } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { Validation } from '../validate/validation.js';
import { buildCreate } from './build-create.js';
import { SpillwayError } from '../../errors.js';
import { exactUnitsOf } from '../values/counter-delta.js';
import type { DurabilityOption } from '../../policy/durability.js';
import { OptionReader } from '../../policy/option-reader.js';

/** One row of a call that counts. */
export interface IncrementRow<Entity extends object = AnyEntity, Key = unknown> extends Pick<
  IncrementOptions<Entity>,
  'create'
> {
  readonly key: Key;
  /** How much is added to which counters. */
  readonly by: Increments<Entity>;
}

/** An increment that is ready to be staged, or written by SQL. */
export interface PreparedIncrement {
  readonly key: unknown;
  readonly change: Change;
  readonly otherwise: Otherwise['kind'];
  /** By property: the data of the row to make, without its key. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface IncrementContext {
  readonly entity: EntityName;
  readonly em: () => EntityManager;
  readonly platform: Platform;
  readonly validation: Validation;
}

/**
 * Refuses every mistake in increments, before anything is staged.
 * @throws SpillwayError `CONFIG_INVALID`; ValidationFailedError
 */
export async function prepareIncrements(
  type: WriteBehindType,
  rows: readonly IncrementRow[],
  options: IncrementOptions,
  { entity, em, platform, validation }: IncrementContext,
): Promise<readonly PreparedIncrement[]> {
  const made = rows.map(({ key, by, create: own }) => {
    const otherwise = readIncrementOptions(type, own === undefined ? options : { ...options, create: own });
    if (otherwise.kind !== 'create') {
      const change = buildIncrement(type, key, by, otherwise.kind === 'drop' ? 'drop' : undefined);
      return { key, change, otherwise: otherwise.kind, data: {} };
    }
    const { data, values } = buildCreate(type, otherwise.given, { platform, entity, em });
    return { key, change: buildIncrement(type, key, by, { create: values }), otherwise: otherwise.kind, data };
  });
  const news = made.filter(({ otherwise }) => otherwise === 'create');
  const candidates = news.map(({ change, data }) => ({ ...keyRow(type, change.rowKey), ...data }));
  if (candidates.length > 0) await validation.rows(type.meta, candidates, 'new');
  return made;
}

/** How much is added to which counters: `{ views: 1 }`. Decimals are texts where a number would not be exact. */
export type Increments<Entity extends object = AnyEntity> = {
  readonly [Counter in CounterName<Entity>]?: number | bigint | string;
};

/**
 * A change of counters alone, of a row that the caller has not loaded.
 * @throws SpillwayError `CONFIG_INVALID` for a property that is no counter, or a difference that is no number.
 */
function buildIncrement(type: WriteBehindType, key: unknown, increments: Increments, missing?: Missing): Change {
  const rowKey = calledRowKey(type, key);
  if (rowKey === undefined) throw incompleteKey(type);
  const deltas: Record<string, string> = {};
  for (const [name, difference] of Object.entries(increments)) {
    if (difference === undefined) continue;
    const scale = type.counters.get(name);
    if (scale === undefined) throw noCounter(type, name);
    deltas[name] = deltaText(type, name, difference, scale);
  }
  return {
    kind: 'increment',
    entity: type.meta.className,
    rowKey,
    values: {},
    deltas,
    originals: {},
    ...(missing !== undefined && { missing }),
  };
}

/** The number of characters that an error shows of a difference that cannot be added. */
const SHOWN = 40;

function noCounter(type: WriteBehindType, name: string): SpillwayError {
  const counters = [...type.counters.keys()];
  return new SpillwayError(
    'CONFIG_INVALID',
    `"${name}" of ${type.meta.className} is no counter (counters: ${counters.join(', ') || 'none'}). ` +
      `Name it in @WriteBehind({ counters: ['${name}'] }), or load the entity and change it`,
  );
}

function deltaText(type: WriteBehindType, name: string, difference: unknown, scale: number): string {
  // More digits than the column has would be rounded away, and the sum would not be exact.
  const units = exactUnitsOf(difference, scale);
  if (units !== undefined && BigInt.asIntN(64, units) === units) return String(units);
  throw new SpillwayError(
    'CONFIG_INVALID',
    `increment of ${type.meta.className}.${name} by ${String(difference).slice(0, SHOWN)}: the difference must be a number of at most ${scale} digits after the point, within 64 bits`,
  );
}

export interface IncrementOptions<Entity extends object = AnyEntity> extends DurabilityOption {
  /**
   * Decides about an increment whose row does not exist when it is written: it becomes a dead letter `ROW_MISSING`, it
   * is dropped, or the row is made.
   * @defaultValue `'create'` if `create` is given, else the policy's `missing`
   */
  readonly missing?: 'dead-letter' | 'drop' | 'create';
  /**
   * The properties of the row that is made, without key and version. All other properties take what `onCreate` makes,
   * else the default of their column; counters without one begin at zero. The increment is added on top.
   */
  readonly create?: EntityData<Entity>;
  /** Once it is aborted, nothing more is staged. What is on its way to Redis by then is answered all the same. */
  readonly signal?: AbortSignal;
}

/** The decision about a row that does not exist. */
type Otherwise = { readonly kind: 'dead-letter' | 'drop' } | { readonly kind: 'create'; readonly given: object };

/** @throws SpillwayError `CONFIG_INVALID`, by name */
function readIncrementOptions({ meta, policy }: WriteBehindType, options: IncrementOptions): Otherwise {
  const place = `the options of increment() of ${meta.className}`;
  const read = new OptionReader(place, options, ['missing', 'create', 'signal', 'durability']);
  const said = read.oneOf('missing', ['dead-letter', 'drop', 'create']);
  const create = read.value('create');
  if (create !== undefined && (typeof create !== 'object' || create === null || Array.isArray(create)))
    throw read.invalid('create', 'must be an object of properties');
  const kind = said ?? (create === undefined ? policy.missing : 'create');
  if (kind === 'create') return { kind, given: create ?? {} };
  if (create === undefined) return { kind };
  throw new SpillwayError(
    'CONFIG_INVALID',
    `missing: '${kind}' in ${place} makes no row, so create would do nothing. Say missing: 'create', or leave create out`,
  );
}
