import type { Command } from 'commander';
import { EXIT, type ExitCode } from './exit-code.js';
import { openOrm, type OpenOrm, type WhichConfiguration } from './orm.js';
import { Page } from './output/page.js';
import type { Terminal } from './output/terminal.js';

/** The options of every command. */
export interface SharedOptions extends WhichConfiguration {
  readonly json?: boolean;
}

/** What a command has to say at its end. */
export interface Answer {
  /** The document that `--json` prints. */
  readonly json: unknown;
  /** Lays the same out for a person. */
  readonly show: (page: Page) => void;
  /** @defaultValue `EXIT.FINE` */
  readonly exitCode?: ExitCode;
}

/** What a command acts with. */
export interface Acting<Options> extends OpenOrm {
  readonly terminal: Terminal;
  readonly options: Options & SharedOptions;
}

/** What the commands of one run share: where they print, and what the run ends with. */
export class Session {
  readonly terminal: Terminal;
  exitCode: ExitCode = EXIT.FINE;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  /** Opens the ORM, acts, answers, and closes it again. */
  async act<Options extends object>(
    command: Command,
    act: (acting: Acting<Options>) => Promise<Answer>,
  ): Promise<void> {
    const options = command.optsWithGlobals<Options & SharedOptions>();
    await using open = await openOrm(options);
    this.answer(await act({ ...open, terminal: this.terminal, options }), options);
  }

  answer({ json, show, exitCode = EXIT.FINE }: Answer, { json: isJson = false }: SharedOptions): void {
    this.exitCode = exitCode;
    if (isJson) {
      this.terminal.print(JSON.stringify(json));
      return;
    }
    const page = new Page(this.terminal);
    show(page);
    if (page.text !== '') this.terminal.print(page.text);
  }
}
