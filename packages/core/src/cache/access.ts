import type { RowKey, TableName } from '../change/row-key.js';
import type { CacheDoubts, Execute } from '../sink/cache-doubts.js';
import { SinkFailure } from '../sink/sink-failure.js';
import type { Blocked, BlockScope, CacheAnswer, CacheCopy } from '../staging/row-cache.js';
import type { CacheLine } from './line.js';
import type { CacheTrust } from './trust.js';

/** The number of a transaction that has told the cache which rows it writes. Absent where it could not. */
export type Told = string | undefined;

/** The cache for readers and writers of rows: no call rejects because the staging store is down. */
export class CacheAccess {
  readonly #line: CacheLine;
  readonly #trust: CacheTrust;
  readonly #doubts: CacheDoubts;

  constructor(line: CacheLine, trust: CacheTrust, doubts: CacheDoubts) {
    this.#line = line;
    this.#trust = trust;
    this.#doubts = doubts;
  }

  /** `undefined`: the cache cannot be asked, or its copies must not be used. */
  async look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer> | undefined> {
    // Opened first, because opening ensures that the tables exist from which trust is read.
    const isUp = this.#line.isUp();
    if (isUp !== true && !(await isUp)) return undefined;
    const isTrusted = this.#trust.holds();
    if (isTrusted !== true && !(await orElse(false, isTrusted))) return undefined;
    if (!this.#trust.isBelieved(table)) return undefined;
    const answers = await this.#line.ask((cache) => cache.look(table, keys));
    return answers === 'down' ? undefined : answers;
  }

  async keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<void> {
    await this.#line.ask((cache) => cache.keep(table, copies, ttlMs));
  }

  /** Drops copies that are known to be old. */
  async drop(keys: readonly RowKey[]): Promise<void> {
    await this.#line.ask((cache) => cache.drop(keys));
  }

  /**
   * Opens the cache again for rows whose writers have ended without unblocking them: they were killed, or their end got
   * no answer.
   */
  async blocked(table: TableName, rows: ReadonlyMap<RowKey, Blocked>): Promise<void> {
    const numbers = new Set([...rows.values()].flatMap(({ transactions }) => transactions));
    const ended = new Set(await orElse([], this.#doubts.ended([...numbers])));
    for (const number of ended) {
      const mine = [...rows].filter(([, { transactions }]) => transactions.includes(number));
      const keys = mine.flatMap(([key, { by }]) => (by === 'row' ? [key] : []));
      if (keys.length > 0) await this.unblock({ table, keys }, number);
      if (keys.length < mine.length) await this.unblock({ table, keys: 'all' }, number);
    }
  }

  /**
   * Called before a transaction writes rows: drops their copies, and keeps new ones away until `unblock`. Once it has
   * resolved, no process uses a copy of them after the commit, even if this process or the staging store fails.
   */
  async dropAndBlock(scope: BlockScope, execute: Execute, known: Told): Promise<Told> {
    const number = known ?? (await this.#doubts.numberOf(execute));
    if ((await this.#line.ask((cache) => cache.block(scope, number))) !== 'down') return number;
    await this.#trust.suspend(execute);
    return undefined;
  }

  /** The transaction has ended, in either way. */
  async unblock(scope: BlockScope, number: string): Promise<void> {
    await this.#line.ask((cache) => cache.unblock(scope, number));
  }

  /** Called after tables were emptied without naming rows. */
  async clear(): Promise<void> {
    await this.#line.ask((cache) => cache.clear());
  }

  async close(): Promise<void> {
    await this.#doubts.close();
  }

  cutOff(): void {
    this.#doubts.cutOff();
  }
}

/** A database that cannot be asked counts as no trust; the next read of the database reports the failure. */
async function orElse<T>(fallback: T, answer: Promise<T> | T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof SinkFailure) return fallback;
    throw error;
  }
}
