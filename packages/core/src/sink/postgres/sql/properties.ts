import type { Column, Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { unitsToDecimal } from './decimal.js';
import { own, valueField, valueOf, type Field } from './record-set.js';

/** A property that some of the items write, with its fields in the record set. */
export interface Written {
  readonly column: Column;
  /** Field of the assigned value. */
  readonly value?: Field;
  /** Field of the counter's difference. */
  readonly delta?: Field;
}

/**
 * The properties that the items write, in the order of their names, with fields `c0 …` for values and `d0 …` for
 * differences.
 */
export function writtenProperties(table: Table, items: readonly Item[], which: 'values' | 'all' = 'all'): Written[] {
  const valued = namesIn(items, 'values');
  const counted = which === 'all' ? namesIn(items, 'deltas') : new Set<string>();
  const known = [...new Set([...valued, ...counted])]
    .filter((property) => Object.hasOwn(table.columns, property))
    .toSorted();
  return known.map((property, position) => {
    const column = table.columns[property] as Column; // filtered just above
    return {
      column,
      ...(valued.has(property) && { value: valueField(`c${position}`, column) }),
      ...(counted.has(property) && { delta: deltaField(`d${position}`, property, table.counters[property] ?? 0) }),
    };
  });
}

/**
 * `expression + difference`. A row without a difference keeps the expression, null or not. Counting begins at zero
 * where there was null.
 */
export function plusDelta(expression: string, delta: Field | undefined): string {
  if (delta === undefined) return expression;
  return `case when s.${delta.name} is null then ${expression} else coalesce(${expression}, 0) + s.${delta.name} end`;
}

/** The assigned value of a property, as its column's type. */
export function assigned({ column, value }: Written): string {
  return value === undefined ? 'null' : valueOf(value.name, column);
}

/** True if MikroORM sets the column to a moment with every update: then the later one is kept. */
export function isUnmeantMoment({ onUpdate }: Table, { property, type }: Column): boolean {
  return onUpdate?.includes(property) === true && /^(timestamp|date)(?!.*\[)/.test(type);
}

function namesIn(items: readonly Item[], part: 'values' | 'deltas'): Set<string> {
  const names = new Set<string>();
  for (const { record } of items) {
    for (const property in record[part]) names.add(property);
  }
  return names;
}

/** Read as `numeric`: a difference may leave the range of a `smallint` that the sum stays in. */
function deltaField(name: string, property: string, scale: number): Field {
  return {
    name,
    type: 'numeric',
    text: ({ record }) => {
      const units = own(record.deltas, property);
      return units === undefined ? undefined : unitsToDecimal(units, scale);
    },
  };
}
