import { setTimeout as pause } from 'node:timers/promises';
import type { RowKey } from '../change/row-key.js';
import type { Blocked, CacheAnswer } from '../staging/row-cache.js';

/** Who finds a row's ticket taken looks again after these pauses, then reads the row itself: about a tenth of a second in all. */
const PAUSES_MS = [1, 2, 4, 8, 16, 32, 48];

/** A ticket to fill in what was read, or to give back: `row` is then absent. */
export interface Filling<R> {
  readonly rowKey: RowKey;
  readonly ticket: string;
  readonly row: R | undefined;
}

export interface CachedRows<R> {
  /** `undefined`: the cache cannot be asked, or not be believed. */
  look(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer> | undefined>;
  /** `undefined`: these bytes are of another release, or another shape of the entity. */
  decode(bytes: Uint8Array): R | undefined;
  /**
   * From the database, with what is pending. A row that is not there is not in the answer.
   *
   * @param isKept whether rows of the answer will be kept
   */
  load(keys: readonly RowKey[], isKept: boolean): Promise<ReadonlyMap<RowKey, R>>;
  fill(fillings: readonly Filling<R>[]): Promise<void>;
  /** Transactions keep these rows out of the cache, and may have ended. */
  blocked(rows: ReadonlyMap<RowKey, Blocked>): Promise<void>;
}

/**
 * Reads rows by key from their copies, and those that have none from the database, for the next one. Of several who miss a row at once, in whatever processes, one has the ticket and
 * loads it, and the others wait a moment for its copy. That there is no row is never kept.
 */
export async function readThrough<R>(keys: readonly RowKey[], rows: CachedRows<R>): Promise<Map<RowKey, R>> {
  const looking = new Looking(keys, rows);
  await looking.look(keys);
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

  /** What nobody else loads. */
  async load(): Promise<void> {
    const keys = this.#open;
    const tickets = new Map(this.#tickets);
    const blocked = new Map(this.#blocked);
    this.#open = [];
    this.#tickets.clear();
    this.#blocked.clear();
    if (keys.length === 0) return;
    let loaded: ReadonlyMap<RowKey, R> = new Map();
    try {
      loaded = await this.#rows.load(keys, tickets.size > 0);
      for (const [key, row] of loaded) this.#found.set(key, row);
    } finally {
      // Whoever has read nothing gives the ticket back: others are waiting.
      const fillings = [...tickets].map(([rowKey, ticket]) => ({ rowKey, ticket, row: loaded.get(rowKey) }));
      if (fillings.length > 0) await this.#rows.fill(fillings);
    }
    if (blocked.size > 0) await this.#rows.blocked(blocked);
  }

  async loadTaken(): Promise<void> {
    this.#open = this.taken;
    await this.load();
  }

  inOrder(): Map<RowKey, R> {
    return new Map(
      this.#keys.flatMap((key) => {
        const row = this.#found.get(key);
        return row === undefined ? [] : [[key, row]];
      }),
    );
  }

  #sort(key: RowKey, answer: CacheAnswer | undefined): void {
    if (answer?.kind === 'taken') {
      this.taken.push(key);
      return;
    }
    const row = answer?.kind === 'copy' ? this.#rows.decode(answer.bytes) : undefined;
    if (row !== undefined) {
      this.#found.set(key, row);
      return;
    }
    this.#open.push(key);
    if (answer?.kind === 'ticket') this.#tickets.set(key, answer.ticket);
    if (answer?.kind === 'blocked') this.#blocked.set(key, answer);
  }
}
