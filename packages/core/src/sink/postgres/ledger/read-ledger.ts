import type { BatchOutcome } from '../../../change/outcome.js';
import type { Session } from '../session.js';
import { decodeOutcomes } from './outcome-codec.js';
import type { OwnTables } from './tables.js';

/** The outcome that the ledger holds for a token, if it knows it. */
export async function readOutcome(
  session: Session,
  tables: OwnTables,
  namespace: string,
  token: string,
): Promise<BatchOutcome | undefined> {
  const [row] = await session.rows(`select outcome::text from ${tables.batch} where namespace = $1 and token = $2`, [
    namespace,
    token,
  ]);
  return row === undefined ? undefined : decodeOutcomes(row[0] ?? '');
}

/**
 * The outcomes of the tokens that were committed. A shard's last token counts even if its row was removed: its outcomes
 * are then empty.
 * @param hasOneConnection the question may run in a transaction of the application, whose own uncommitted entries do
 * not count
 */
export async function readOutcomes(
  session: Session,
  tables: OwnTables,
  namespace: string,
  tokens: readonly string[],
  hasOneConnection: boolean,
): Promise<ReadonlyMap<string, BatchOutcome>> {
  const rows = await session.rows(
    `select token, max(outcome) as outcome from (
  select token, outcome::text, xmin from ${tables.batch} where namespace = $1 and token = any($2::text[])
  union all select last_token, null, xmin from ${tables.shard} where namespace = $1 and last_token = any($2::text[])
) as known${hasOneConnection ? ` where coalesce(pg_xact_status(xmin::text::xid8), '') <> 'in progress'` : ''} group by token`,
    [namespace, [...tokens]],
  );
  return new Map(rows.map(([token, outcome]) => [token ?? '', outcome ? decodeOutcomes(outcome) : new Map()]));
}

/** Shard -> the last token that was committed for it. */
export async function readLastTokens(
  session: Session,
  tables: OwnTables,
  namespace: string,
  shards: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await session.rows(
    `select shard, last_token from ${tables.shard} where namespace = $1 and shard = any($2::int[])`,
    [namespace, [...shards]],
  );
  return new Map(rows.map(([shard, token]) => [Number(shard), token ?? '']));
}
