import type { EntityManager } from '@mikro-orm/core';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { IncrementRow } from '../write/prepare-increment.js';
import type { Counted } from './receipt.js';

/** The counters of rows as look-ups find them, for a caller whose entities are left as they are. */
export async function readCounters(
  { meta, counters }: WriteBehindType,
  rows: readonly IncrementRow[],
  em: EntityManager,
): Promise<readonly (Counted | undefined)[]> {
  const found: (Counted | undefined)[] = [];
  for (const { key } of rows) {
    const fork = em.fork({ keepTransactionContext: true });
    const row: object | null = await fork.findOne(meta.class, key);
    const known = [...counters.keys()].map((name) => [name, row && (Reflect.get(row, name) as unknown)] as const);
    found.push(row === null ? undefined : Object.fromEntries(known));
  }
  return found;
}
