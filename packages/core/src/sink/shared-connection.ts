import type { CallerQuery } from './change-sink.js';

/**
 * The only connection of a database that lives in this process. Spillway has none of its own there, and takes its turn with the application: what it does takes the connection when nobody
 * else has it. Whoever asks inside a transaction of the application is answered in that transaction, for the turn would come when it has ended, and it does not end before the answer.
 */
export interface SharedConnection {
  /** The transaction of the application in which the code runs that asks this. */
  readonly inside: InsideTransaction | undefined;

  /** Waits for the connection, and has it to itself, without a transaction. */
  use<T>(act: (query: CallerQuery) => Promise<T>): Promise<T>;

  /** Waits for the connection, and begins a transaction on it. */
  begin(): Promise<SharedTransaction>;
}

interface InsideTransaction {
  /** Runs statements in it; the application's own wait until that is over. */
  alone<T>(act: (query: CallerQuery) => Promise<T>): Promise<T>;
}

/** A transaction of Spillway's own on the shared connection. It ends once, and gives the connection on. */
export interface SharedTransaction {
  readonly query: CallerQuery;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}
