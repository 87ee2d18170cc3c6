import type { Session } from '../session.js';
import { isOlderRow } from '../registry/older-rows.js';
import type { OwnTables } from './tables.js';

/** Rows per statement: a ledger that was not pruned for a month must not be one statement's work. */
const CHUNK = 10_000;

/**
 * Removes old ledger rows, and answers how many. These stay: the row of a shard's last token, since its batch may still
 * be in flight and wait for its outcome; the rows of `held`, since a hold without its row would count as rolled back;
 * and the registry's entries that older releases look for in the ledger.
 */
export async function pruneLedger(
  session: Session,
  tables: OwnTables,
  namespace: string,
  olderThanMs: number,
  held: readonly string[],
): Promise<number> {
  let removed = 0;
  for (let last = CHUNK; last === CHUNK; removed += last) {
    const gone = await session.rows(
      `with gone as (delete from ${tables.batch} as t using (
  select b.token from ${tables.batch} as b
  where b.namespace = $1 and not ${isOlderRow('b')} and b.written_at < now() - $2::float8 * interval '1 millisecond'
  and not b.token = any($3::text[])
  and not exists (select from ${tables.shard} as s where s.namespace = $1 and s.shard = b.shard and s.last_token = b.token)
  limit ${CHUNK}
) as old where t.namespace = $1 and t.token = old.token returning t.token)
select count(*) as removed from gone`,
      [namespace, olderThanMs, [...held]],
    );
    last = Number(gone[0]?.[0] ?? 0);
  }
  return removed;
}
