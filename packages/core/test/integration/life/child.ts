import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** How a program has ended, and what it has said, a JSON text a line. */
export interface Ended {
  /** The exit code, or the signal. */
  readonly end: number | string | null;
  readonly said: readonly unknown[];
  readonly errors: string;
}

/** What one program has compiled the next one need not. */
const COMPILE_CACHE = fileURLToPath(new URL('../../../../../node_modules/.cache/spillway-programs', import.meta.url));
const HOOKS = fileURLToPath(new URL('../flush/run-sources.mjs', import.meta.url));

/** Runs a program of this folder to its end, where a rejection that nobody listens to is the end of the process. */
export async function runStrictly(program: string, given: object): Promise<Ended> {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const flags = ['--unhandled-rejections=strict', '--import', HOOKS];
  const child = spawn(process.execPath, [...flags, file, JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  const exit = once(child, 'exit');
  const [output, errors, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  const lines = output.split('\n').filter(Boolean);
  return {
    end: (signal as string | null) ?? (code as number | null),
    said: lines.map((line): unknown => JSON.parse(line)),
    errors,
  };
}

/** For the programs: what the test is told. */
export function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** For the programs: their settings. */
export function settings(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}
