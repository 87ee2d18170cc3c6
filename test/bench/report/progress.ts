/** What is being measured: one line, written over again, on a terminal. Elsewhere nothing: it would fill a log. */
export class Progress {
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(text: string): void {
    if (this.#out.isTTY) this.#out.write(`\r\u001b[K${text}`);
  }

  clear(): void {
    this.show('');
  }
}
