import type { EntityProperty, Platform } from '@mikro-orm/core';
import { rowDecider, type ValueConversion } from '../../policy/row-decider.js';
import type { PolicyConflict } from '../../policy/policy.js';
import type { ConflictStrategy } from '../../conflict/strategy.js';
import { parseRowKey } from '../../change/row-key.js';
import { isDocument } from '../values/embedded-value.js';
import type { PropertyValue, WriteBehindType } from './write-behind-type.js';

/** A policy's conflict strategy as the sink needs it: a developer's function is given values as in the entity. */
export function conflictStrategy(conflict: PolicyConflict, type: EntityParts, platform: Platform): ConflictStrategy {
  if (conflict.kind !== 'function') return conflict;
  return { kind: 'function', decide: rowDecider(conflict.decide, valueConversion(type, platform)) };
}

type EntityParts = Pick<WriteBehindType, 'meta' | 'key' | 'values' | 'counters'>;

/** How values of records become values of entities, and back. */
export function valueConversion({ meta, key, values, counters }: EntityParts, platform: Platform): ValueConversion {
  const known = (property: string): PropertyValue => {
    const found = values.get(property);
    if (!found) throw new TypeError(`${meta.className} has no persisted property "${property}"`);
    return found;
  };
  return {
    entity: meta.className,
    writable: new Set([...values.keys()].filter((name) => !counters.has(name))),
    toValue: (name, text) => toEntity(known(name).property, known(name).value.toRow(text), platform),
    toText: (name, value) => {
      const { property, value: column } = known(name);
      const written = toDatabase(property, value, platform);
      if (!column.takes(written))
        throw new TypeError(
          `${meta.className}.${name} was given a ${typeof value} that is no value of a ${column.type} column`,
        );
      return column.toText(written);
    },
    toKey: (rowKey) => {
      const texts = parseRowKey(rowKey).key;
      const parts = key.columns.map(({ leaf, toRow }, position) =>
        toEntity(leaf, toRow(texts[position] ?? ''), platform),
      );
      return parts.length === 1 ? parts[0] : parts;
    },
  };
}

function toEntity(property: EntityProperty, value: unknown, platform: Platform): unknown {
  if (value === null) return null;
  if (isDocument(property)) return value;
  if (property.customType) return property.customType.convertToJSValue(value, platform);
  return property.runtimeType === 'Date' && !(value instanceof Date) ? platform.parseDate(value as string) : value;
}

function toDatabase(property: EntityProperty, value: unknown, platform: Platform): unknown {
  if (value === null || !property.customType || isDocument(property)) return value;
  return property.customType.convertToDatabaseValue(value, platform, { mode: 'serialization' });
}
