/** Callers are named by entity and call, so there are few; callers beyond this number are counted together. */
const MOST_CALLERS = 500;
const OTHERS = 'others';

/**
 * How often each kind of read in this process met pending changes and waited until they were written. Look at these
 * reads when lists are slow.
 */
export class ForcedDrains {
  readonly #counts = new Map<string, number>();

  /** @param caller the read, such as `Product.find` */
  count(caller: string): void {
    const name = this.#counts.has(caller) || this.#counts.size < MOST_CALLERS ? caller : OTHERS;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Caller -> number of waits, the most frequent first. */
  get byCaller(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([, one], [, other]) => other - one));
  }
}
