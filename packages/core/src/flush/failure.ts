import { SpillwayError } from '../errors.js';
import { SinkDown, SinkRestart } from '../sink/sink-failure.js';

/**
 * Why a shard's flush came to nothing.
 *
 * - `restart`: the database asks for the whole transaction again (deadlock, serialization failure, a lock)
 * - `sink-down`: the database writes for nobody; no shard is at fault, the circuit breaker counts it
 * - `blocked`: a table, a column, a right or a piece of configuration is missing; a person has to act
 * - `staging`: the staging store did not answer in time; what it was asked may have happened
 * - `fault`: everything else. Nobody is blamed; it is tried again without end, each shard alone, so that one cannot
 *   hold up the others
 */
export interface Failure {
  readonly kind: 'restart' | 'sink-down' | 'blocked' | 'staging' | 'fault';
  readonly error: unknown;
}

/** Total: an error that is not known is a fault that passes. */
export function failureOf(error: unknown): Failure {
  if (error instanceof SinkRestart) {
    return { kind: 'restart', error };
  }
  if (error instanceof SinkDown) {
    return { kind: 'sink-down', error };
  }
  if (error instanceof SpillwayError) {
    // What our own end has cut off is the store's answer, too.
    const isOfStaging = error.code.startsWith('STAGING_') || error.code === 'STOPPED';
    return { kind: isOfStaging ? 'staging' : 'blocked', error };
  }
  return { kind: 'fault', error };
}
