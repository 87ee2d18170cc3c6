import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Role } from './crew.js';
import { noFigures, type Figures } from './figures.js';
import { settingsForChild, type Settings } from './settings.js';

/** A process of the shop, as the main process sees it. */
export class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #ready: Promise<unknown>;
  #figures: Figures = noFigures;
  #mayEnd = false;

  constructor(
    readonly role: Role,
    readonly name: string,
    settings: Settings,
    onCrash: (error: Error) => void,
  ) {
    const program = fileURLToPath(new URL(`${role}.js`, import.meta.url));
    this.#process = fork(program, [name], { env: settingsForChild(settings), execArgv: ['--enable-source-maps'] });
    this.#process.on('message', (figures) => (this.#figures = figures as Figures));
    this.#ended = once(this.#process, 'exit');
    this.#ready = once(this.#process, 'message');
    this.#process.once('exit', (code, signal) => {
      if (this.#mayEnd && (code === 0 || signal === 'SIGKILL')) return;
      onCrash(new Error(`${name} (pid ${this.pid}) ended by itself with ${signal ?? `exit code ${code}`}; see above.`));
    });
  }

  get pid(): number {
    return Number(this.#process.pid);
  }

  /** As of its last report. */
  get figures(): Figures {
    return this.#figures;
  }

  /** Until it works: it has reported for the first time, or it has ended. */
  async ready(): Promise<void> {
    await Promise.race([this.#ready, this.#ended]);
  }

  /** Lets it finish what it is doing. */
  async stop(): Promise<void> {
    this.#mayEnd = true;
    if (this.#process.connected) this.#process.send('stop');
    await this.#ended;
  }

  /** `kill -9`: whatever it was doing, it does not finish. */
  async kill(): Promise<void> {
    this.#mayEnd = true;
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}
