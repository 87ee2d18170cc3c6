/** A value that one writer has put into one property: no other writer puts the same. */
type Mark = string;

export interface Write {
  readonly mark: Mark;
  readonly property: string;
  /** What the writer had seen there, and knowingly writes over. */
  readonly over: Mark | undefined;
  /** SQL of another program, which reads and writes the row at once. */
  readonly bySql: boolean;
}

/** What is left of a row at the end. */
export interface Remains {
  readonly row: Readonly<Record<string, unknown>>;
  /** Values of its dead letters. */
  readonly letters: readonly Readonly<Record<string, string>>[];
}

/** Every write that was acknowledged, of one row. */
export class Trail {
  readonly #writes: Write[] = [];

  add(write: Write): void {
    this.#writes.push(write);
  }

  /**
   * Writes that have left no trace: they are neither in the row nor in a dead letter, and no writer who had seen them
   * has written over them.
   */
  lost({ row, letters }: Remains): Write[] {
    return this.#writes.filter(({ mark, property }) => {
      if (row[property] === mark) return false;
      if (letters.some((values) => values[property] === JSON.stringify(mark))) return false;
      return !this.#writes.some((other) => other.property === property && other.over === mark);
    });
  }
}
