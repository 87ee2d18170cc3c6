import { ReferenceKind } from '@mikro-orm/core';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * True if a plain object describes a row completely. It does not if the class adds something (single-table
 * inheritance), a value has parts (embeddables), MikroORM compares loaded values (`concurrencyCheck`), or only the
 * database can make a value. For such types, calls past the unit of work go by SQL.
 */
export function hasPlainShape(type: WriteBehindType): boolean {
  return (
    !type.family &&
    type.databaseMade.length === 0 &&
    type.meta.concurrencyCheckKeys.size === 0 &&
    type.meta.props.every(({ kind, embedded }) => kind !== ReferenceKind.EMBEDDED && !embedded)
  );
}
