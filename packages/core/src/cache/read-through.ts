import { setTimeout as pause } from 'node:timers/promises';
import type { RowKey } from '../change/row-key.js';
import type { Blocked, CacheAnswer, CopyFound } from '../staging/row-cache.js';

/**
 * If another reader holds a row's ticket, the reader looks again after these pauses, then reads the row itself: about a
 * tenth of a second in all.
 */
const PAUSES_MS = [1, 2, 4, 8, 16, 32, 48];

/** A ticket to fill with the row as PostgreSQL has it. Without a row, the ticket is given back. */
export interface Filling<R> {
  readonly rowKey: RowKey;
  readonly ticket: string;
  readonly row: R | undefined;
}

/** Rows that were read from the database. A missing row is absent. */
interface Loaded<R> {
  /** With their pending changes, for the reader. */
  readonly rows: ReadonlyMap<RowKey, R>;
  /** As PostgreSQL has them, for their copies. */
  readonly bare: ReadonlyMap<RowKey, R>;
}

/**
 * What a reader makes of a copy:
 * - `row`: the row with everything that is pending; without a row, it is about to be deleted
 * - `unknown`: only PostgreSQL can tell the row
 * - `old`: the row has been written since, so the copy is dropped
 */
export type CopyRead<R> =
  | { readonly kind: 'row'; readonly row: R | undefined }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'old' };

export interface CachedRows<R> {
  /** `undefined`: the cache cannot be asked, or its copies must not be used. */
  look(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer> | undefined>;
  read(key: RowKey, copy: CopyFound): CopyRead<R>;
  /** @param isKept true if rows of the answer will be kept as copies */
  load(keys: readonly RowKey[], isKept: boolean): Promise<Loaded<R>>;
  fill(fillings: readonly Filling<R>[]): Promise<void>;
  /** Drops copies of rows. */
  drop(keys: readonly RowKey[]): Promise<void>;
  /** Transactions that may have ended keep these rows out of the cache. */
  blocked(rows: ReadonlyMap<RowKey, Blocked>): Promise<void>;
}

/**
 * Reads rows by key from their copies, with what is pending laid over them. Rows without a copy are read from the
 * database, and kept for the next reader. If several readers of any process miss a row at once, one gets the ticket and
 * loads the row; the others wait a moment for its copy. The cache does not remember missing rows.
 */
export async function readThrough<R>(keys: readonly RowKey[], rows: CachedRows<R>): Promise<Map<RowKey, R>> {
  const looking = new Looking(keys, rows);
  await looking.look(keys);
  if (looking.isDone) return looking.inOrder();
  await looking.load();
  for (const pauseMs of PAUSES_MS) {
    if (looking.taken.length === 0) break;
    await pause(pauseMs);
    await looking.look(looking.taken);
    await looking.load();
  }
  if (looking.taken.length > 0) await looking.loadTaken();
  return looking.inOrder();
}

class Looking<R> {
  readonly #keys: readonly RowKey[];
  readonly #rows: CachedRows<R>;
  readonly #found = new Map<RowKey, R>();
  readonly #tickets = new Map<RowKey, string>();
  #old: RowKey[] = [];
  #open: RowKey[] = [];
  readonly #blocked = new Map<RowKey, Blocked>();
  taken: RowKey[] = [];

  constructor(keys: readonly RowKey[], rows: CachedRows<R>) {
    this.#keys = keys;
    this.#rows = rows;
  }

  async look(keys: readonly RowKey[]): Promise<void> {
    const answers = await this.#rows.look(keys);
    this.taken = [];
    for (const key of keys) this.#sort(key, answers?.get(key));
  }

  /** Loads the rows that no other reader is loading. */
  async load(): Promise<void> {
    const keys = this.#open;
    const tickets = new Map(this.#tickets);
    const blocked = new Map(this.#blocked);
    const old = this.#old;
    this.#open = [];
    this.#old = [];
    this.#tickets.clear();
    this.#blocked.clear();
    if (keys.length === 0) return;
    if (old.length > 0) await this.#rows.drop(old);
    let loaded: Loaded<R> | undefined;
    try {
      loaded = await this.#rows.load(keys, tickets.size > 0);
      for (const [key, row] of loaded.rows) this.#found.set(key, row);
    } finally {
      // A ticket without a row is given back, because other readers are waiting.
      const fillings = [...tickets].map(([rowKey, ticket]) => ({ rowKey, ticket, row: loaded?.bare.get(rowKey) }));
      if (fillings.length > 0) await this.#rows.fill(fillings);
    }
    if (blocked.size > 0) await this.#rows.blocked(blocked);
  }

  async loadTaken(): Promise<void> {
    this.#open = this.taken;
    await this.load();
  }

  /** True once each row is known, or known not to be there. */
  get isDone(): boolean {
    return this.taken.length === 0 && this.#open.length === 0;
  }

  inOrder(): Map<RowKey, R> {
    const found = new Map<RowKey, R>();
    for (const key of this.#keys) {
      const row = this.#found.get(key);
      if (row !== undefined) found.set(key, row);
    }
    return found;
  }

  #sort(key: RowKey, answer: CacheAnswer | undefined): void {
    if (answer?.kind === 'taken') {
      this.taken.push(key);
      return;
    }
    const read = answer?.kind === 'copy' ? this.#rows.read(key, answer) : undefined;
    if (read?.kind === 'row') {
      if (read.row !== undefined) this.#found.set(key, read.row);
      return;
    }
    if (read?.kind === 'old') this.#old.push(key);
    this.#open.push(key);
    if (answer?.kind === 'ticket') this.#tickets.set(key, answer.ticket);
    if (answer?.kind === 'blocked') this.#blocked.set(key, answer);
  }
}
