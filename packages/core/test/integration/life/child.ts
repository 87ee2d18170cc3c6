import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from '@spillway/test-support';

/** How a program has ended, and what it has said by `say`. Lines that its loggers print are left out. */
export interface Ended {
  /** The exit code, or the signal. */
  readonly end: number | string | null;
  readonly said: readonly unknown[];
  readonly errors: string;
}

export interface Child extends AsyncDisposable {
  /** What it has said so far. */
  readonly said: readonly unknown[];
  /** Waits until it has said something that has these properties. */
  says(part: object): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Waits until it has ended. */
  ended(): Promise<Ended>;
}

/** Opens a line that the test is told, followed by a JSON text. */
const SAID = 'said: ';

/** What one program has compiled the next one need not. */
export const COMPILE_CACHE: string = fileURLToPath(
  new URL('../../../../../node_modules/.cache/spillway-programs', import.meta.url),
);
const HOOKS = fileURLToPath(new URL('../flush/run-sources.mjs', import.meta.url));

/** Starts one of the programs, where a rejection that nobody listens to is the end of the process. */
export function startStrictly(program: string, given: object): Child {
  const file = fileURLToPath(new URL(`programs/${program}`, import.meta.url));
  const flags = ['--unhandled-rejections=strict', '--import', HOOKS];
  const child = spawn(process.execPath, [...flags, file, JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  const said: unknown[] = [];
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith(SAID)) said.push(JSON.parse(line.slice(SAID.length)));
  });
  const exit = once(child, 'close');
  const errors = text(child.stderr);
  const ended = async (): Promise<Ended> => {
    const [code, signal] = (await exit) as [number | null, string | null];
    return { end: signal ?? code, said, errors: await errors };
  };
  return {
    said,
    says: async (part) => {
      const has = (line: unknown): boolean =>
        Object.entries(part).every(([name, value]) => (line as Record<string, unknown>)[name] === value);
      await eventually(() => said.some(has) || child.exitCode !== null, {
        what: `a program to say ${JSON.stringify(part)}`,
        timeoutMs: 50_000,
      });
      if (!said.some(has)) throw new Error(`The program has ended with ${child.exitCode}:\n${await errors}`);
    },
    signal: (signal) => void child.kill(signal),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Runs a program to its end. */
export async function runStrictly(program: string, given: object): Promise<Ended> {
  await using child = startStrictly(program, given);
  return await child.ended();
}

/** For the programs: what the test is told. */
export function say(line: unknown): void {
  process.stdout.write(`${SAID}${JSON.stringify(line)}\n`);
}

/** For the programs: their settings. */
export function settings(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}
