import type { Session } from './session.js';

/** The source of the sink's connections. */
export interface Connections {
  /** True if the application and the sink share one connection, so that only one of them can be at work. */
  readonly hasOneConnection: boolean;

  /** True if the calling code runs inside a transaction of the application that has the one connection. */
  readonly isInside: boolean;

  /** Lends a connection for statements that are no transaction. */
  use<T>(act: (session: Session) => Promise<T>): Promise<T>;

  begin(): Promise<OwnTransaction>;

  /**
   * Ends the connections: nothing new begins. Resolves when all running work has ended, and every connection is closed.
   */
  close(): Promise<void>;

  /** Ends every connection at once: running work fails, and nothing new begins. */
  cutOff(): void;
}

/** A transaction of Spillway's own. */
export interface OwnTransaction {
  readonly session: Session;

  /** Statements that are still to be sent, in front of the first ones: this saves a round trip. */
  readonly opening: string;

  /**
   * Answers PostgreSQL's command tag: `ROLLBACK` if the transaction had failed before.
   * @param last one statement to send in front of COMMIT. If it fails, nothing is committed
   */
  commit(last?: string): Promise<string>;

  /**
   * Rolls back unless committed, and gives the connection back. Never rejects.
   * @param isBroken the connection has failed: no further statement is sent on it
   */
  end(isBroken: boolean): Promise<void>;
}
