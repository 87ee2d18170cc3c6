import type { EntityProperty } from '@mikro-orm/core';
import type { WriteBehindType } from './write-behind-type.js';

/** MikroORM's own types that leave a key as it is in the database. */
const PLAIN = new Set(['BigIntType', 'UuidType', 'StringType', 'IntegerType', 'SmallIntType', 'TextType']);

/**
 * True if every part of a key is one value that conditions hold as it is in the database: `em.nativeUpdate()` does not
 * convert keys before the driver gets them.
 */
export function hasPlainKey({ key: { columns } }: WriteBehindType): boolean {
  return columns.every(({ property, leaf }) => property.fieldNames.length === 1 && isPlain(leaf));
}

function isPlain({ customType, runtimeType }: EntityProperty): boolean {
  // A moment may be given as a text, and be rounded by its column.
  if (runtimeType === 'Date') return false;
  return customType === undefined || PLAIN.has(customType.constructor.name);
}
