import { asBare } from '../bare-error.js';
import { bareCause } from '../errors.js';
import { printable } from '../printable.js';

/**
 * A failed transaction of the sink. No record is to blame: the transaction is rolled back, the batch stays in flight,
 * and the flush tries again.
 */
export abstract class SinkFailure extends Error {
  /** SQLSTATE, where PostgreSQL gave one. */
  readonly sqlstate: string | undefined;

  /** Private, so that a print of the failure does not show it. */
  readonly #given: unknown;

  constructor(message: string, sqlstate?: string, options?: ErrorOptions) {
    super(printable(message), bareCause(options));
    this.name = new.target.name;
    this.sqlstate = sqlstate;
    this.#given = options?.cause;
    asBare(this);
  }

  /** The driver's own error, which may contain values. Only for the application whose transaction it has failed. */
  given(): unknown {
    return this.#given;
  }
}

/**
 * PostgreSQL gave way to another transaction (deadlock, serialization, a lock): the flush tries again after a moment.
 */
export class SinkRestart extends SinkFailure {}

/** PostgreSQL answers, but not as it should: the flush tries again, after longer and longer pauses. */
export class SinkFault extends SinkFailure {}

/**
 * The states in which PostgreSQL takes no writes.
 *
 * - `unreachable`: no connection, or one that was lost
 * - `refusing`: the connection is refused: role, password, database, `pg_hba.conf`
 * - `starting`, `stopping`: the server says so
 * - `too-many-connections`, `disk-full`, `out-of-memory`: it has run out of them
 * - `read-only`: a replica, or a server that takes no writes
 */
export type DatabaseState =
  | 'unreachable'
  | 'refusing'
  | 'starting'
  | 'stopping'
  | 'too-many-connections'
  | 'disk-full'
  | 'out-of-memory'
  | 'read-only';

/** PostgreSQL takes no writes at present: back off. */
export class SinkDown extends SinkFailure {
  readonly state: DatabaseState;

  constructor(message: string, state: DatabaseState, sqlstate?: string, options?: ErrorOptions) {
    super(message, sqlstate, options);
    this.state = state;
  }
}

/** COMMIT was sent and not answered: only the ledger knows whether the batches were written. */
export class CommitUnknown extends SinkDown {}
