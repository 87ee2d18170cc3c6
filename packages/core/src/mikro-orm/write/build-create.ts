import type { EntityManager, EntityName, EntityProperty, Platform } from '@mikro-orm/core';
import type { Values } from '../../change/change.js';
import { SpillwayError } from '../../errors.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { decimalText } from '../values/counter-delta.js';
import { givenTexts } from '../change/build-change.js';
import { settableValue } from './build-patch.js';

export interface CreateContext {
  readonly platform: Platform;
  /** The class of the call; it may be one of several that share the table. */
  readonly entity: EntityName;
  readonly em: () => EntityManager;
}

/** The data of a row that an increment makes if the row is missing. */
export interface CreateData {
  /** By property, as the entity has them: the given values, and those that `onCreate` makes. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The same as values of a record, with counters that begin at zero. */
  readonly values: Values;
}

/**
 * The data of a row that is made if it is missing. Properties that are not given take what `onCreate` makes, else the
 * default of their column; counters without one begin at zero.
 * @throws SpillwayError `CONFIG_INVALID` for data that makes no row, by name
 */
export function buildCreate(type: WriteBehindType, given: object, { platform, entity, em }: CreateContext): CreateData {
  const data: Record<string, unknown> = { ...given };
  const { discriminator } = type.family ?? {};
  if (discriminator !== undefined) data[discriminator] ??= em().getMetadata(entity).discriminatorValue;
  for (const { property } of type.values.values()) {
    if (property.onCreate) data[property.name] ??= property.onCreate(data, em());
  }
  const payload: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    if (value !== undefined) payload[name] = settableValue(type, name, value, { platform, refused });
  }
  const values = { ...zeros(type), ...givenTexts(type, payload) };
  const lacking = [...type.values].find(([name, { property }]) => values[name] === undefined && isNeeded(property));
  if (lacking) throw refused(type, `it lacks "${lacking[1].property.name}", which has no default`);
  return { data, values };
}

function zeros({ counters, values }: WriteBehindType): Record<string, string> {
  const begin = [...counters].flatMap(([name, scale]) => {
    const known = values.get(name);
    if (!known || known.property.defaultRaw !== undefined) return [];
    return [[name, known.value.toText(decimalText(0n, scale))] as const];
  });
  return Object.fromEntries(begin);
}

function isNeeded({ nullable, defaultRaw, autoincrement, generated }: EntityProperty): boolean {
  return !nullable && defaultRaw === undefined && !autoincrement && !generated;
}

function refused(type: WriteBehindType, what: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `The create data of ${type.meta.className} cannot be used: ${what}`);
}
