/**
 * For how long a server has had no replica online, as far as this process has looked. Between two looks that are far
 * apart there may have been one.
 */
export class Alone {
  readonly #aloneMs: number;
  #sinceMs: number | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** @param aloneMs how long it has to last, milliseconds */
  constructor(aloneMs: number) {
    this.#aloneMs = aloneMs;
  }

  /** @param replicas that are online; `undefined`: the server does not tell */
  note(replicas: number | undefined, nowMs: number): void {
    const isSeenOn = nowMs - this.#lookedMs <= 2 * this.#aloneMs;
    this.#lookedMs = nowMs;
    if (replicas !== 0) this.#sinceMs = undefined;
    else if (!isSeenOn) this.#sinceMs = nowMs;
    else this.#sinceMs ??= nowMs;
  }

  hasLasted(nowMs: number): boolean {
    return this.#sinceMs !== undefined && nowMs - this.#sinceMs >= this.#aloneMs;
  }
}
