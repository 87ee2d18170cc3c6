import { SpillwayError } from '../errors.js';

/**
 * A wait whose time is up reports what it waited for. A wait that gets no answer at all cannot, so it is given up
 * milliseconds later.
 */
export const LATE_MS = 50;

/** The error of a wait that is given up. */
export function late(code: 'DRAIN_TIMEOUT' | 'WRITE_TIMEOUT', what: string, timeoutMs: number): SpillwayError {
  return new SpillwayError(
    code,
    `${what} did not end within ${Math.round(timeoutMs)} ms, because Redis or PostgreSQL has not answered. ` +
      'Nothing is lost: what is staged stays staged and is written later. ' +
      'Check that both can be reached, or give a longer timeout',
  );
}
