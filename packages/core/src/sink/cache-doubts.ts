import type { TableName } from '../change/row-key.js';

/** Runs a statement, with `?` for its parameters, in the caller's transaction. */
export type Execute = (
  statement: string,
  parameters: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * The part of the cache's state that is in PostgreSQL. While the staging store cannot be reached, processes write rows
 * without telling the cache. Each first commits a doubt. While any doubt stands, no reader believes a copy.
 */
export interface CacheDoubts {
  /**
   * `areNone`: no doubt stands, so all writers tell the cache. `believed`: the tables that are cached here by now, but
   * for those that a release writes which knows of no cache for them.
   */
  look(): Promise<{ readonly areNone: boolean; readonly believed: readonly TableName[] }>;

  /** Commits a new doubt, for all processes to see. */
  raise(id: string): Promise<void>;

  /** Notes that the doubt is in use again. `false`: another process has settled it. */
  renew(id: string): Promise<boolean>;

  /** Keeps other processes from settling the doubt until the caller's transaction has ended. */
  hold(id: string, execute: Execute): Promise<void>;

  /**
   * Settles the doubts that no transaction holds and that were not used for `idleMs`. Between finding and removing
   * them, `forget` has to forget every copy.
   * @param own a doubt to settle even if it was used since
   */
  settle(idleMs: number, own: string | undefined, forget: () => Promise<void>): Promise<void>;

  /** The number of the caller's transaction, by which other processes learn whether it has ended. */
  numberOf(execute: Execute): Promise<string>;

  /** Of these transactions, those that have ended. */
  ended(transactions: readonly string[]): Promise<readonly string[]>;

  /** As of `ChangeSink`. */
  close(): Promise<void>;
  cutOff(): void;
}
