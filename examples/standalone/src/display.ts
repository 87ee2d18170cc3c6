import { styleText } from 'node:util';

const barWidth = 40;

/** How far the counting is: bars that grow in place on a terminal. Elsewhere nothing, since they would fill a log. */
export class Display {
  readonly #out: NodeJS.WriteStream;
  readonly #views: Map<string, number>;
  readonly #expected: number;
  #hasEnded = false;
  #rowsWritten = 0;
  #drawn = 0;
  #drawnAt = -Infinity;

  /** @param expected the views that each page gets in the end */
  constructor(out: NodeJS.WriteStream, paths: readonly string[], expected: number) {
    this.#out = out;
    this.#views = new Map(paths.map((path) => [path, 0]));
    this.#expected = expected;
  }

  viewed(path: string): void {
    this.#views.set(path, (this.#views.get(path) ?? 0) + 1);
    this.#draw(performance.now() - this.#drawnAt > 50);
  }

  written(rows: number): void {
    this.#rowsWritten += rows;
    this.#draw(true);
  }

  /** Leaves the picture as it is, so that others can write below it. */
  end(): void {
    this.#hasEnded = true;
  }

  #draw(isDue: boolean): void {
    if (!isDue || this.#hasEnded || !this.#out.isTTY || process.env['TERM'] === 'dumb') return;
    const lines = picture(this.#views, this.#expected, this.#rowsWritten, (text) =>
      this.#out.hasColors() ? styleText('cyan', text, { validateStream: false }) : text,
    );
    const back = this.#drawn > 0 ? `\u001b[${this.#drawn}A\r\u001b[J` : '';
    this.#out.write(back + lines.map((line) => `${line}\n`).join(''));
    this.#drawn = lines.length;
    this.#drawnAt = performance.now();
  }
}

/** A bar for each page, and below them how many rows all of this was for PostgreSQL so far. */
export function picture(
  views: ReadonlyMap<string, number>,
  expected: number,
  rowsWritten: number,
  paint: (text: string) => string,
): readonly string[] {
  const labelWidth = [...views.keys()].reduce((most, path) => Math.max(most, path.length), 0);
  const bars = [...views].map(([path, count]) => {
    const bar = '█'.repeat(Math.round(Math.min(1, count / expected) * barWidth)).padEnd(barWidth);
    return `${path.padEnd(labelWidth)}  ${paint(bar)}  ${String(count).padStart(4)} views`;
  });
  return [...bars, `${rowsWritten} rows written to PostgreSQL`];
}
