/** The lines at the end of a terminal that are drawn again and again, below what stays. */
export class Region {
  readonly #write: (text: string) => unknown;
  #drawn: readonly string[] = [];

  constructor(write: (text: string) => unknown) {
    this.#write = write;
  }

  draw(lines: readonly string[]): void {
    this.#write(this.#erased() + text(lines));
    this.#drawn = lines;
  }

  /** A line that stays, above the region. */
  say(line: string): void {
    this.#write(`${this.#erased()}${line}\n${text(this.#drawn)}`);
  }

  /** What is drawn stays, too; the next lines are drawn below it. */
  keep(): void {
    this.#drawn = [];
  }

  /** Up to the first line of the region, and everything from there on erased. */
  #erased(): string {
    return this.#drawn.length === 0 ? '' : `\u001b[${this.#drawn.length}A\r\u001b[J`;
  }
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
