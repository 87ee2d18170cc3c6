import type { Session } from './session.js';

/** Where the sink has its connections from. */
export interface Connections {
  /** Whether the application and the sink have one between them, so that nobody else can be at work while one of them is. */
  readonly areOne: boolean;

  /** Whether it is asked inside a transaction of the application that has the one connection. */
  readonly isInside: boolean;

  /** Lends a connection for statements that are no transaction. */
  use<T>(act: (session: Session) => Promise<T>): Promise<T>;

  begin(): Promise<OwnTransaction>;

  /** Resolves when what is under way has ended, and every connection is closed. Nothing new begins. */
  close(): Promise<void>;

  /** Ends every connection at once: what is under way fails, and nothing new begins. */
  cutOff(): void;
}

/** A transaction of Spillway's own. */
export interface OwnTransaction {
  readonly session: Session;

  /** What is still to be sent, in front of the first statements: a round trip less. */
  readonly opening: string;

  /** Answers what PostgreSQL says that it has done. */
  commit(): Promise<string>;

  /**
   * Rolls back unless committed, and gives the connection back. Never rejects.
   * @param isBroken the connection has failed: nothing is asked of it any more
   */
  end(isBroken: boolean): Promise<void>;
}
