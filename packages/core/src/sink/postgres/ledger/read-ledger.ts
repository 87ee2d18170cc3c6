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

/** Those of the tokens that the ledger knows. A shard's last token counts even if its row was removed. */
export async function readApplied(
  pool: pg.Pool,
  tables: LedgerTables,
  namespace: string,
  tokens: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ token: string }>({
    text: `select token from ${tables.batch} where namespace = $1 and token = any($2::text[])
union select last_token from ${tables.shard} where namespace = $1 and last_token = any($2::text[])`,
    values: [namespace, [...tokens]],
    types: AS_SENT,
  });
  return new Set(rows.map(({ token }) => token));
}
