import type pg from 'pg';

/** Transactions of the database that have written what was staged, until now: each leaves its batches in the ledger. */
export async function writingTransactions(connection: pg.Pool): Promise<number> {
  const { rows } = await connection.query<{ count: string }>(
    'select count(distinct xmin::text) from spillway_batch where shard >= 0',
  );
  return Number(rows[0]?.count);
}
