import { SpillwayError } from '../errors.js';
import { SinkDown, SinkRestart } from '../sink/sink-failure.js';

/**
 * Why a shard's flush failed.
 *
 * - `restart`: the database asks for the whole transaction again (deadlock, serialization failure, a lock)
 * - `sink-down`: the database takes no writes; no shard is at fault, the circuit breaker counts it
 * - `blocked`: a table, a column, a right or a piece of configuration is missing; a person has to act
 * - `staging`: the staging store did not answer in time; the request may have taken effect
 * - `fault`: everything else. No record is blamed. Each shard is tried again alone, without end, so that one cannot
 *   hold up the others
 */
export interface Failure {
  readonly kind: 'restart' | 'sink-down' | 'blocked' | 'staging' | 'fault';
  readonly error: unknown;
}

/** Total: an unknown error is a fault that passes. */
export function failureOf(error: unknown): Failure {
  if (error instanceof SinkRestart) {
    return { kind: 'restart', error };
  }
  if (error instanceof SinkDown) {
    return { kind: 'sink-down', error };
  }
  if (error instanceof SpillwayError) {
    // A call that this process has cut off at its stop counts as a failure of the store, too.
    const isOfStaging = error.code.startsWith('STAGING_') || error.code === 'STOPPED';
    return { kind: isOfStaging ? 'staging' : 'blocked', error };
  }
  return { kind: 'fault', error };
}
