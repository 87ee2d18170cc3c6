import type { Random } from './random.js';

/**
 * Zipf's law: the second most popular item is asked for half as often as the first, the third a third as often. So a
 * few products take most of the traffic, which is what makes rows hot.
 */
export class Popularity {
  /** At `n`: how often one of the items 0 to `n` is asked for, in units of the first. */
  readonly #sums: readonly number[];

  constructor(items: number, exponent = 1) {
    let sum = 0;
    this.#sums = Array.from({ length: items }, (_, rank) => (sum += 1 / (rank + 1) ** exponent));
  }

  /** The rank of an item; 0 is the most popular. */
  pick(random: Random): number {
    const wanted = random.next() * (this.#sums.at(-1) ?? 0);
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
