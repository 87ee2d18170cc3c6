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
