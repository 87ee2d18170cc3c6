import { tableOf, tableText } from '../../change/row-key.js';
import type { Table } from '../../sink/table.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * The rows that one statement numbers. Numbers of a block that are not used are never used: they leave gaps, as a
 * rolled back insert does.
 */
const BLOCK = 256;

/** Takes numbers from the sequence of a table's key. */
export type Numbers = (table: Table, count: number) => Promise<readonly string[]>;

export interface SequenceSurroundings {
  /**
   * True if the caller must not wait for a block that another caller has asked for: that caller may be waiting for this
   * caller's transaction.
   */
  readonly isApart: () => boolean;
  /** The sequence has begun anew since this process took numbers from it. */
  readonly restarted: (type: WriteBehindType) => void;
}

/**
 * Numbers new rows without asking the database for each: takes blocks from the column's own sequence, so that an insert
 * by SQL at the same time never gets the same number.
 *
 * A sequence only goes on. If it answers a number that it had passed already, it was restarted, or the table was made
 * again. The rest of the old block is then dropped, because the sequence will answer the same numbers to other writers.
 * Numbers of that block that were handed out are left out when they come again, because rows may bear them.
 */
export class SequenceBlocks {
  readonly #numbers: Numbers;
  readonly #around: SequenceSurroundings;
  // By table: entities may be described anew.
  #free = new Map<string, string[]>();
  #handedOut = new Map<string, HandedOut>();
  readonly #loading = new Map<string, Promise<void>>();

  constructor(numbers: Numbers, around: SequenceSurroundings) {
    this.#numbers = numbers;
    this.#around = around;
  }

  /** The next numbers for new rows of the type, as decimal texts. */
  async take(type: WriteBehindType, count: number): Promise<string[]> {
    const taken: string[] = [];
    const name = tableText(tableOf(type));
    for (;;) {
      const free = this.#free.get(name) ?? [];
      const next = free.splice(0, count - taken.length);
      this.#handedOut.get(name)?.note(next);
      for (const number of next) taken.push(number);
      if (taken.length === count) return taken;
      await this.#load(type, count - taken.length);
    }
  }

  /** The sequences begin anew: numbers that were taken from them will be answered again. */
  forget(): void {
    this.#free = new Map();
    this.#handedOut = new Map();
  }

  /** One statement at a time per type: callers that come meanwhile wait for the same block. */
  async #load(type: WriteBehindType, atLeast: number): Promise<void> {
    if (this.#around.isApart()) return this.#fetch(type, Math.max(BLOCK, atLeast));
    const name = tableText(tableOf(type));
    const running = this.#loading.get(name);
    if (running) return running;
    const loading = this.#fetch(type, Math.max(BLOCK, atLeast)).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async #fetch(type: WriteBehindType, size: number): Promise<void> {
    const free = this.#free;
    const name = tableText(tableOf(type));
    const handedOut = this.#handedOut.get(name) ?? new HandedOut();
    this.#handedOut.set(name, handedOut);
    // Blocks that are asked for at the same time may be answered in any order.
    const passed = handedOut.passed;
    const numbers = await this.#numbers(type.table, size);
    const isRestarted = handedOut.isBehind(numbers, passed);
    if (isRestarted) {
      handedOut.restart();
      this.#around.restarted(type);
    }
    handedOut.passes(numbers);
    const rest = isRestarted ? [] : (free.get(name) ?? []);
    free.set(name, [...rest, ...handedOut.without(numbers)]);
  }
}

/** Numbers from the first to the last of a block, in either direction. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** The number of restarts that are remembered: the oldest numbers are forgotten first. */
const MOST = 16;

/** The numbers that a process has taken from one sequence. Numbers are decimal texts. */
export class HandedOut {
  /** The last number of the last block, and the direction in which the sequence goes. */
  #passed: { readonly last: bigint; readonly down: boolean } | undefined;
  /** The numbers of the last block that were handed out, from the first to the last. */
  #current: Range | undefined;
  /** The same of blocks that were taken before a restart: the sequence may answer these numbers once more. */
  #before: Range[] = [];

  /** How far the sequence had come, for `isBehind`. */
  get passed(): { readonly last: bigint; readonly down: boolean } | undefined {
    return this.#passed;
  }

  /** True if a sequence that had come so far could not have answered these numbers. */
  isBehind(numbers: readonly string[], passed: { readonly last: bigint; readonly down: boolean } | undefined): boolean {
    const [first] = numbers;
    if (first === undefined || passed === undefined) return false;
    return passed.down ? BigInt(first) >= passed.last : BigInt(first) <= passed.last;
  }

  /** A block was taken. */
  passes(numbers: readonly string[]): void {
    const first = numbers[0];
    const last = numbers.at(-1);
    if (first === undefined || last === undefined) return;
    const down = numbers.length > 1 ? BigInt(last) < BigInt(first) : (this.#passed?.down ?? false);
    this.#passed = { last: BigInt(last), down };
    // Since a restart, this process can only have handed out numbers of the last block: the next block shows the
    // restart.
    this.#current = undefined;
  }

  /** These numbers are given to rows. */
  note(numbers: readonly string[]): void {
    const first = numbers[0];
    const last = numbers.at(-1);
    if (first === undefined || last === undefined) return;
    this.#current = { first: this.#current?.first ?? BigInt(first), last: BigInt(last) };
  }

  /** The sequence has begun anew. */
  restart(): void {
    if (this.#current) this.#before = [...this.#before, this.#current].slice(-MOST);
    this.#current = undefined;
  }

  /** The numbers of a new block that no row of this process bears. */
  without(numbers: readonly string[]): string[] {
    if (this.#before.length === 0) return [...numbers];
    return numbers.filter((number) => !this.#before.some((range) => isIn(range, BigInt(number))));
  }
}

function isIn({ first, last }: Range, number: bigint): boolean {
  return first <= last ? first <= number && number <= last : last <= number && number <= first;
}
