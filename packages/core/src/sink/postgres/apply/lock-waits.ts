import type { Session } from '../session.js';

/** The first look, milliseconds: a short transaction of an application has mostly ended by then. */
const FIRST_MS = 40;

/**
 * How long a flush waits for a row that another transaction has locked: in parts, each twice as long as the one before,
 * which are as long as the limit together. Between two parts it looks whether somebody waits for it.
 */
export function lockWaits(limitMs: number): readonly number[] {
  const waits: number[] = [];
  for (let leftMs = limitMs, waitMs = FIRST_MS; leftMs > 0; leftMs -= waitMs, waitMs *= 2)
    waits.push(Math.min(waitMs, leftMs));
  return waits;
}

/**
 * True if another transaction waits for this one: it may be the one that has the row, and wants to write what is
 * pending of it, whose shard this one has. PostgreSQL would look for such a circle after a second only. Also sets how
 * long statements wait for a lock from here on.
 */
export async function areOthersWaiting(session: Session, nextWaitMs: number): Promise<boolean> {
  // The lock on a transaction bears the lower 32 bits of its number.
  const [row] = await session.rows(
    `select exists (select from pg_locks where locktype = 'transactionid' and not granted
and transactionid::text = (txid_current_if_assigned() & 4294967295)::text)::text, set_config('lock_timeout', $1, true)`,
    [`${nextWaitMs}ms`],
  );
  return row?.[0] === 'true';
}
