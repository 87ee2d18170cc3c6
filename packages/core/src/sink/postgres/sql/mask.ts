import type { Item } from '../plan/item.js';
import type { Field } from './record-set.js';

/** 30 bits per `int`: away from PostgreSQL's sign bit, and from JavaScript's `1 << 32`, which is 1. */
const BITS = 30;

/**
 * Marks which properties each row has, so that rows with different properties share a statement: a missing property
 * must not be read as null. A property of every row needs no bit.
 */
export class Mask {
  readonly #tests: ((item: Item) => boolean)[] = [];
  readonly #items: readonly Item[];

  constructor(items: readonly Item[]) {
    this.#items = items;
  }

  /** The SQL condition for "this row has it"; nothing if all rows have. */
  condition(has: (item: Item) => boolean): string | undefined {
    if (this.#items.every(has)) return undefined;
    const bit = this.#tests.push(has) - 1;
    return `(s.m${Math.trunc(bit / BITS)} & ${1 << (bit % BITS)}) <> 0`;
  }

  /** The mask's own fields, once all conditions are made. */
  fields(): Field[] {
    const words = Math.ceil(this.#tests.length / BITS);
    return Array.from({ length: words }, (_, word) => {
      const tests = this.#tests.slice(word * BITS, (word + 1) * BITS);
      return {
        name: `m${word}`,
        type: 'int',
        text: (item) => String(tests.reduce((bits, has, bit) => (has(item) ? bits | (1 << bit) : bits), 0)),
      };
    });
  }
}
