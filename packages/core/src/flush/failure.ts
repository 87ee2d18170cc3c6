import { SpillwayError } from '../errors.js';

/**
 * Why a shard's flush came to nothing.
 *
 * - `restart`: the database asks for the whole transaction again (deadlock, serialization failure)
 * - `sink-down`: the database cannot be reached or does not take writes; no shard is at fault, the circuit breaker
 *   counts it
 * - `blocked`: a table, a column, a right or a piece of configuration is missing; trying again soon is useless
 * - `staging`: the staging store did not answer in time; what it was asked may have happened
 * - `fault`: everything else. Nobody is blamed; it is tried again without end, each shard alone, so that one cannot
 *   hold up the others
 */
export interface Failure {
  readonly kind: 'restart' | 'sink-down' | 'blocked' | 'staging' | 'fault';
  readonly error: unknown;
}

const RESTART = new Set(['40001', '40P01']);

/**
 * Connection exceptions, too many connections, a server that stops or starts, one that only reads; and what Node says
 * of sockets.
 */
const DOWN =
  /^(?:08...|53300|57P0[1-5]|25006|ECONN[A-Z]+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT)$/;

const BLOCKED = /^42...$/;

/** The total table: what is not named is `otherwise`. */
export function failureOf(error: unknown, otherwise: 'fault' | 'sink-down' = 'fault'): Failure {
  if (error instanceof SpillwayError) {
    return { kind: error.code.startsWith('STAGING_') ? 'staging' : 'blocked', error };
  }
  for (const code of codesOf(error)) {
    if (RESTART.has(code)) {
      return { kind: 'restart', error };
    }
    if (DOWN.test(code)) {
      return { kind: 'sink-down', error };
    }
    if (BLOCKED.test(code)) {
      return { kind: 'blocked', error };
    }
  }
  return { kind: otherwise, error };
}

/**
 * The codes of an error, of what caused it, and of the attempts that an `AggregateError` (a host with several
 * addresses) holds.
 */
function* codesOf(error: unknown): Generator<string> {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const code: unknown = Reflect.get(at, 'code');
    if (typeof code === 'string') {
      yield code;
    }
    if (at instanceof AggregateError) {
      for (const inner of at.errors) {
        yield* codesOf(inner);
      }
    }
  }
}

/** One line for events and messages. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
