import { SpillwayError, textOf } from '../../../errors.js';
import type { MoveRight } from '../../map-changes.js';
import { failureOf } from '../fault.js';
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
    assure: async () => {
      try {
        await session.rows('select 1', []);
      } catch (error) {
        throw isLost(namespace, error);
      }
    },
    [Symbol.asyncDispose]: async () => transaction.end(false),
  };
}

function isLost(namespace: string, error: unknown): SpillwayError {
  const failure = failureOf(error);
  return new SpillwayError(
    'DATABASE_UNAVAILABLE',
    `The process that moves the shards of the namespace "${namespace}" has lost its right to: the connection to PostgreSQL that keeps it has ended (${textOf(failure)}). ` +
      'Another process may move them now. Nothing is lost; run reshard() again with the same maps',
    { cause: failure },
  );
}
