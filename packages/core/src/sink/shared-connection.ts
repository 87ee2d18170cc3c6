import type { CallerQuery } from './change-sink.js';

/**
 * The only connection of a database that lives in this process. Spillway has none of its own there, and takes turns
 * with the application: it uses the connection when the application does not. A question inside a transaction of the
 * application is answered in that transaction. Otherwise the turn would come only after its end, and the transaction
 * would not end before the answer.
 */
export interface SharedConnection {
  /** The transaction of the application in which the calling code runs. */
  readonly inside: InsideTransaction | undefined;

  /** Waits for the connection, and uses it alone, without a transaction. */
  use<T>(act: (query: CallerQuery) => Promise<T>): Promise<T>;

  /** Waits for the connection, and begins a transaction on it. */
  begin(): Promise<SharedTransaction>;
}

interface InsideTransaction {
  /** Runs statements in the transaction. The application's own statements wait meanwhile. */
  alone<T>(act: (query: CallerQuery) => Promise<T>): Promise<T>;
}

/** A transaction of Spillway's own on the shared connection. It ends once, and gives the connection on. */
export interface SharedTransaction {
  readonly query: CallerQuery;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}
