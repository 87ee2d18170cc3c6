import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@spillway/test-support';
import { ended, spawnOnLeash } from '../../../tools/servers/leash.mjs';
import type {
  ApplicationSettings,
  CounterSettings,
  LibrarianSettings,
  TallySettings,
  TransactorSettings,
  WorkerSettings,
} from '../programs/settings.js';
import { readJournal, type Entry } from './journal.js';

/** A process of this test, which dies with the test run at the latest. */
export interface Program {
  readonly journal: () => readonly Entry[];
  /** Waits until it has opened everything and goes to work. */
  ready(): Promise<void>;
  hasEnded(): boolean;
  /** Fails with what it has printed, if it has ended by itself. */
  assertRunning(): void;
  kill9(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Waits until it has ended, and fails unless it was with this exit code, or by this signal. */
  endsWith(end: number | NodeJS.Signals): Promise<void>;
}

type ProgramName = 'worker' | 'application' | 'counter' | 'transactor' | 'librarian' | 'tally';
type Unplaced<Settings> = Omit<Settings, 'journal'>;

/** Starts the programs of one test, and ends them with it. */
export class Programs implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'spillway-fault-'));
  readonly #running = new Set<Program>();
  #started = 0;

  worker(settings: Unplaced<WorkerSettings>): Program {
    return this.#start('worker', settings);
  }

  application(settings: Unplaced<ApplicationSettings>): Program {
    return this.#start('application', settings);
  }

  transactor(settings: Unplaced<TransactorSettings>): Program {
    return this.#start('transactor', settings);
  }

  counter(settings: Unplaced<CounterSettings>): Program {
    return this.#start('counter', settings);
  }

  librarian(settings: Unplaced<LibrarianSettings>): Program {
    return this.#start('librarian', settings);
  }

  tally(settings: Unplaced<TallySettings>): Program {
    return this.#start('tally', settings);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map(async (program) => program.kill9()));
    rmSync(this.#folder, { recursive: true });
  }

  #start(name: ProgramName, settings: object): Program {
    this.#started += 1;
    const journal = path.join(this.#folder, `${this.#started}-${name}.journal`);
    const log = path.join(this.#folder, `${this.#started}-${name}.log`);
    writeFileSync(journal, '');
    const output = openSync(log, 'w');
    const child = spawnOnLeash(
      [process.execPath, '--import', hooks, programFile(name), JSON.stringify({ ...settings, journal })],
      // The folder goes with the first program that is left alone: by then nobody reads it any more.
      { output, folder: this.#folder, env: { ...process.env, NODE_COMPILE_CACHE: compileCache } },
    );
    closeSync(output);
    const end = (): number | NodeJS.Signals | null => child.signalCode ?? child.exitCode;
    const program: Program = {
      journal: () => readJournal(journal),
      ready: async () => {
        const isReady = (): boolean => readJournal(journal).length > 0;
        const look = (): boolean => isReady() || child.exitCode !== null;
        await eventually(look, { what: `the ${name} to be ready`, timeoutMs: 30_000 });
        if (!isReady()) throw new Error(`The ${name} ended at its start:\n${readFileSync(log, 'utf8')}`);
      },
      hasEnded: () => end() !== null,
      assertRunning: () => {
        if (end() !== null) throw new Error(`The ${name} has ended with ${end()}:\n${readFileSync(log, 'utf8')}`);
      },
      kill9: async () => {
        child.kill('SIGKILL');
        await ended(child);
      },
      signal: (signal) => void child.kill(signal),
      endsWith: async (expected) => {
        await ended(child);
        if (end() !== expected)
          throw new Error(
            `The ${name} ended with ${end()}, not ${expected}. It printed:\n${readFileSync(log, 'utf8')}`,
          );
      },
    };
    this.#running.add(program);
    void ended(child).then(() => this.#running.delete(program));
    return program;
  }
}

const hooks = new URL('../programs/on-sources.ts', import.meta.url).href;
/** A program is compiled once, not once for each of its many lives. */
const compileCache = fileURLToPath(new URL('../../../node_modules/.cache/spillway-fault', import.meta.url));

function programFile(name: string): string {
  return fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url));
}
