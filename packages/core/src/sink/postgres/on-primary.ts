/**
 * Only pgpool-II reads this comment. With load balancing, it sends statements that look like reads to any replica, also
 * inside a transaction that has written nothing yet. Spillway's reads ask for rows committed a moment ago, or need a
 * transaction that writes.
 */
const NO_BALANCE = '/*NO LOAD BALANCE*/ ';

/** Marks a read, so that a pooler that balances sends it to the primary. It sends all other statements there anyway. */
export function onPrimary(statement: string): string {
  return /^[\s(]*(?:select|with)\s/.test(statement) ? NO_BALANCE + statement : statement;
}
