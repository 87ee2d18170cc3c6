import type pg from 'pg';
import type { BatchOutcome } from '../../../change/outcome.js';
import { AS_SENT, type Session } from '../session.js';
import { decodeOutcomes } from './outcome-codec.js';
import type { LedgerTables } from './tables.js';

/** The outcome that the ledger holds for a token, if it knows it. */
export async function readOutcome(
  session: Session,
  tables: LedgerTables,
  namespace: string,
  token: string,
): Promise<BatchOutcome | undefined> {
  const [row] = await session.rows(`select outcome::text from ${tables.batch} where namespace = $1 and token = $2`, [
    namespace,
    token,
  ]);
  return row === undefined ? undefined : decodeOutcomes(row[0] ?? '');
}

/** The outcomes of those of the tokens that have been committed. A shard's last token counts even if its row was removed: nothing is left to say of it. */
export async function readOutcomes(
  pool: pg.Pool,
  tables: LedgerTables,
  namespace: string,
  tokens: readonly string[],
): Promise<ReadonlyMap<string, BatchOutcome>> {
  const { rows } = await pool.query<{ token: string; outcome: string | null }>({
    text: `select token, max(outcome) as outcome from (
  select token, outcome::text from ${tables.batch} where namespace = $1 and token = any($2::text[])
  union all select last_token, null from ${tables.shard} where namespace = $1 and last_token = any($2::text[])
) as known group by token`,
    values: [namespace, [...tokens]],
    types: AS_SENT,
  });
  return new Map(rows.map(({ token, outcome }) => [token, outcome === null ? new Map() : decodeOutcomes(outcome)]));
}
