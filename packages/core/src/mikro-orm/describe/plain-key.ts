import type { WriteBehindType } from './write-behind-type.js';

/** MikroORM's own types that leave a key as it is in the database. */
const PLAIN = new Set(['BigIntType', 'UuidType', 'StringType', 'IntegerType', 'SmallIntType', 'TextType']);

/** Whether a key is one value that is written in conditions as it is in the database: `em.nativeUpdate()` does not convert them before the driver. */
export function hasPlainKey({ key: { columns } }: WriteBehindType): boolean {
  const [only, ...others] = columns;
  if (!only || others.length > 0) return false;
  const { customType, runtimeType } = only.leaf;
  // A moment may be given as a text, and be rounded by its column.
  if (runtimeType === 'Date') return false;
  return customType === undefined || PLAIN.has(customType.constructor.name);
}
