import Table from 'cli-table3';
import { styleText } from 'node:util';
import type { Terminal } from './terminal.js';

/** A mood of a text, shown by a colour where there are colours. The text itself must say the same. */
export type Mood = 'good' | 'careful' | 'bad' | 'quiet';

const COLOURS = { good: 'green', careful: 'yellow', bad: 'red', quiet: 'gray' } as const;

/** Lays an answer out: as tables on a terminal, and as lines of cells with tabs between them elsewhere. */
export class Page {
  readonly #terminal: Pick<Terminal, 'isInteractive' | 'hasColour' | 'width'>;
  readonly #parts: string[] = [];

  constructor(terminal: Pick<Terminal, 'isInteractive' | 'hasColour' | 'width'>) {
    this.#terminal = terminal;
  }

  get text(): string {
    return this.#parts.join('\n');
  }

  line(text: string): this {
    this.#parts.push(text);
    return this;
  }

  coloured(mood: Mood, text: string): string {
    return this.#terminal.hasColour ? styleText(COLOURS[mood], text, { validateStream: false }) : text;
  }

  /**
   * Rows under their heads. Without a terminal, the name of the table begins each line, so that lines of several tables
   * are told apart.
   */
  table(name: string, heads: readonly string[], rows: readonly (readonly string[])[]): this {
    if (rows.length === 0) return this;
    if (!this.#terminal.isInteractive) {
      for (const row of rows) this.line([name, ...row].join('\t'));
      return this;
    }
    const table = new Table({
      head: heads.map((head) => this.coloured('quiet', head)),
      style: { head: [], border: [] },
      wordWrap: true,
      ...this.#widths(rows, heads),
    });
    for (const row of rows) table.push([...row]);
    return this.line(table.toString());
  }

  /** Only the last column wraps: it holds sentences. */
  #widths(rows: readonly (readonly string[])[], heads: readonly string[]): { colWidths?: (number | null)[] } {
    const longest = heads.map((head, at) =>
      rows.reduce((most, row) => Math.max(most, plain(row[at] ?? '').length), head.length),
    );
    const others = longest.slice(0, -1).reduce((sum, width) => sum + width + 3, 0);
    const left = this.#terminal.width - others - 2;
    const last = (longest.at(-1) ?? 0) + 2;
    if (last <= left) return {};
    return { colWidths: [...longest.slice(0, -1).map(() => null), Math.max(left, 20)] };
  }
}

/** Without the marks of colours. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- marks of colours begin with a control character
  return text.replaceAll(/\u001b\[\d+m/gu, '');
}
