import type { TableName } from '../change/table-name.js';

/** Runs a statement, with `?` for its parameters, in the transaction of somebody else. */
export type Execute = (
  statement: string,
  parameters: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * What PostgreSQL knows for the cache. While the staging store cannot be reached, rows are written without a word to
 * the cache; a doubt, committed before, says so. Nobody believes a copy while any doubt stands.
 */
export interface CacheDoubts {
  /**
   * Whether nobody writes rows without telling the cache; but for tables that a release writes which knows of no
   * cache for them.
   */
  look(): Promise<{ readonly areNone: boolean; readonly disbelieved: readonly TableName[] }>;

  /** Puts a doubt in, for all to see. */
  raise(id: string): Promise<void>;

  /** The doubt is of use again. `false`: somebody has settled it. */
  renew(id: string): Promise<boolean>;

  /** Keeps others from settling the doubt until the caller's transaction has ended. */
  hold(id: string, execute: Execute): Promise<void>;

  /**
   * Settles the doubts that no transaction holds and nobody has used of late: between finding and removing them,
   * `forget` has to forget every copy.
   * @param own settled however lately it was used
   */
  settle(idleMs: number, own: string | undefined, forget: () => Promise<void>): Promise<void>;

  /** The number of the caller's transaction, by which others learn whether it has ended. */
  numberOf(execute: Execute): Promise<string>;

  /** Of these transactions, those that have ended. */
  ended(transactions: readonly string[]): Promise<readonly string[]>;

  /** As of `ChangeSink`. */
  close(): Promise<void>;
  cutOff(): void;
}
