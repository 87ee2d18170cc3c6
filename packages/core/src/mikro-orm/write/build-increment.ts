import type { Change, Missing } from '../../change/change.js';
import type { AnyEntity, CounterName } from '../../policy/entity-types.js';
import { SpillwayError } from '../../errors.js';
import { exactUnitsOf } from '../values/counter-delta.js';
import { calledRowKey, incompleteKey } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** How much is added to which counters: `{ views: 1 }`. Decimals are texts where a number would not be exact. */
export type Increments<Entity extends object = AnyEntity> = {
  readonly [Counter in CounterName<Entity>]?: number | bigint | string;
};

/**
 * A change of counters alone, of a row that the caller has not loaded.
 * @throws SpillwayError `CONFIG_INVALID` for a property that is no counter, or a difference that is no number.
 */
export function buildIncrement(type: WriteBehindType, key: unknown, increments: Increments, missing?: Missing): Change {
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
