import { ReferenceKind } from '@mikro-orm/core';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * Whether a plain object says all there is to say of a row: not where the class says more (single-table inheritance), where a value has parts (embeddables), where MikroORM compares
 * loaded values (`concurrencyCheck`), or where only the database can make a value. Calls past the unit of work go by SQL for the others.
 */
export function hasPlainShape(type: WriteBehindType): boolean {
  return (
    !type.family &&
    type.databaseMade.length === 0 &&
    type.meta.concurrencyCheckKeys.size === 0 &&
    type.meta.props.every(({ kind, embedded }) => kind !== ReferenceKind.EMBEDDED && !embedded)
  );
}
