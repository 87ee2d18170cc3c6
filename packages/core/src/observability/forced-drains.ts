/** Callers are named by entity and call, so there are few; what comes after so many is counted together. */
const MOST_CALLERS = 500;
const OTHERS = 'others';

/** How often each kind of read in this process has met pending changes, and so had to wait until they were written: the reads to look at when lists are slow. */
export class ForcedDrains {
  readonly #counts = new Map<string, number>();

  /** @param caller the read, such as `Product.find` */
  count(caller: string): void {
    const name = this.#counts.has(caller) || this.#counts.size < MOST_CALLERS ? caller : OTHERS;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Caller -> how often, those that had to wait most often first. */
  get byCaller(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([, one], [, other]) => other - one));
  }
}
