import type { Fault } from '../fault.js';

/** A value that does not fit or is missing, a check, a codec's mistake, a row that is too large. */
const OWN = /^(?:22|54|23502|23514|42804)/;

/**
 * True if the row's own values are wrong, whatever the other rows are. Any other refusal may pass after another row was
 * written: a unique value is given up, a parent arrives, a trigger that counts rows counts fewer.
 */
export function isOwnFault({ sqlstate, origin = 'statement' }: Fault): boolean {
  return origin === 'statement' && OWN.test(sqlstate);
}
