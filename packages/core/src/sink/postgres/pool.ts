import pg from 'pg';
import type { TransactionLimits } from './ledger/hold-shards.js';
import type { PostgresSinkOptions } from './options.js';

/** How much longer than the server's own time-out the client waits before it gives the connection up for dead. */
const GRACE_MS = 5_000;

/**
 * The sink's own pool. A server that vanished without a word is noticed by the client's own clock: keepalives take minutes, and what `pg` waits for by default is for ever. No
 * setting goes into the connection's start-up message, because PgBouncer refuses those it does not know.
 */
export function openPool(options: PostgresSinkOptions, limits: TransactionLimits): pg.Pool {
  const pool = new pg.Pool({
    application_name: 'spillway',
    ...options.connection,
    max: options.poolSize,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    query_timeout: limits.statementTimeoutMs + GRACE_MS,
  });
  // A connection that dies while it is in use tells its user by the statement that fails; without a listener it would end the process as well.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) => options.onIdleError?.(error));
  return pool;
}
