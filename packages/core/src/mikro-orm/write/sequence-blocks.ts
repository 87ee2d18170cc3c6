import type { Table } from '../../sink/table.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** Rows numbered by one statement. Numbers of a block that are not used are never used: gaps, as a rolled back insert leaves them too. */
const BLOCK = 256;

/** Takes numbers from the sequence of a table's key. */
export type Numbers = (table: Table, count: number) => Promise<readonly string[]>;

/**
 * Numbers new rows without asking the database for each: takes blocks from the column's own sequence, so that whoever inserts by SQL at the same time never
 * gets the same number.
 */
export class SequenceBlocks {
  readonly #numbers: Numbers;
  #free = new Map<WriteBehindType, string[]>();
  readonly #loading = new Map<WriteBehindType, Promise<void>>();
  readonly #isApart: () => boolean;

  /** @param isApart whether the caller must not wait for what somebody else has asked for: that may be waiting for the caller's transaction */
  constructor(numbers: Numbers, isApart: () => boolean) {
    this.#numbers = numbers;
    this.#isApart = isApart;
  }

  /** The next numbers for new rows of the type, as decimal texts. */
  async take(type: WriteBehindType, count: number): Promise<string[]> {
    let taken: string[] = [];
    for (;;) {
      const free = this.#free.get(type) ?? [];
      taken = taken.concat(free.splice(0, count - taken.length));
      if (taken.length === count) return taken;
      await this.#load(type, count - taken.length);
    }
  }

  /** The sequences begin anew: what was taken from them will be handed out to others. */
  forget(): void {
    this.#free = new Map();
  }

  /** One statement at a time per type: callers that come meanwhile wait for the same block. */
  async #load(type: WriteBehindType, atLeast: number): Promise<void> {
    if (this.#isApart()) return this.#fetch(type, Math.max(BLOCK, atLeast));
    const running = this.#loading.get(type);
    if (running) return running;
    const loading = this.#fetch(type, Math.max(BLOCK, atLeast)).finally(() => this.#loading.delete(type));
    this.#loading.set(type, loading);
    return loading;
  }

  async #fetch(type: WriteBehindType, size: number): Promise<void> {
    const free = this.#free;
    const numbers = await this.#numbers(type.table, size);
    free.set(type, [...(free.get(type) ?? []), ...numbers]);
  }
}
