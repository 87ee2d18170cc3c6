/**
 * What pgpool-II is told by, and nobody else sees anything in: with load balancing, it sends what looks like a read to
 * any replica, also inside a transaction that has written nothing yet. Ours ask what was committed a moment ago, or
 * need a transaction that writes.
 */
const NO_BALANCE = '/*NO LOAD BALANCE*/ ';

/** The statement, so that a pooler that balances sends it to the primary. Any other than a read it sends there anyhow. */
export function onPrimary(statement: string): string {
  return /^[\s(]*(?:select|with)\s/.test(statement) ? NO_BALANCE + statement : statement;
}
