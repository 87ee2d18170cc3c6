import type { MoveRight } from '../../map-changes.js';
import type { OwnTransaction } from '../connections.js';
import type { OwnTables } from './tables.js';

/**
 * Takes a lock for as long as a transaction lasts, which stays open for the whole move. A lock of the session would
 * stay behind a pooler that gives each transaction another connection.
 *
 * @param transaction rolled back in the end: it writes nothing
 */
export async function takeMoveRight(
  transaction: OwnTransaction,
  tables: OwnTables,
  namespace: string,
): Promise<MoveRight | undefined> {
  const { session, opening } = transaction;
  await session.script(`${opening} set local idle_in_transaction_session_timeout = 0`);
  const [row] = await session.rows('select pg_try_advisory_xact_lock(hashtextextended($1, 0))::text', [
    `spillway reshard:${tables.schema}:${namespace}`,
  ]);
  if (row?.[0] !== 'true') {
    await transaction.end(false);
    return undefined;
  }
  return {
    assure: async () => void (await session.rows('select 1', [])),
    [Symbol.asyncDispose]: async () => transaction.end(false),
  };
}
