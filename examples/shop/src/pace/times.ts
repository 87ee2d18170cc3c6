/** A bucket holds times up to 5 % longer than the one before it, so that is how exact a percentile is. */
const growth = 1.05;
const shortestMs = 0.05;

/** How many saves took how long: a number for each bucket, so that a process can tell it in one short message. */
export class Times {
  readonly #counts: number[] = [];

  add(ms: number): void {
    const bucket = bucketOf(ms);
    while (this.#counts.length <= bucket) this.#counts.push(0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  counts(): readonly number[] {
    return [...this.#counts];
  }
}

/**
 * The time within which a share of all saves was done, in milliseconds; 0 if there are none.
 *
 * @param counts as {@link Times.counts} gives them, or sums of such
 * @param share from 0 to 1
 */
export function within(share: number, counts: readonly number[]): number {
  let left = share * counts.reduce((sum, count) => sum + count, 0);
  if (left === 0) return 0;
  const bucket = counts.findIndex((count) => (left -= count) <= 0);
  return shortestMs * growth ** bucket;
}

function bucketOf(ms: number): number {
  return Math.max(0, Math.ceil(Math.log(ms / shortestMs) / Math.log(growth)));
}
