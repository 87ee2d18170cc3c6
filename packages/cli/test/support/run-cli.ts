import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** How a command has ended, and what it has printed. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The folder that it is run in. @defaultValue that of the application */
  readonly cwd?: string;
}

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const APPLICATION: string = fromHere('../application/');
const BIN = fromHere('../../src/bin.ts');
const HOOKS = fromHere('../../../../test/fault/programs/on-sources.ts');

/** What one run has compiled the next one need not. */
const COMPILE_CACHE = fromHere('../../../../node_modules/.cache/spillway-programs');

/** The command line, on the sources. */
const COMMAND = [process.execPath, '--disable-warning=ExperimentalWarning', '--import', HOOKS, BIN];

/** Runs `spillway`, where nobody has a terminal. */
export async function cli(args: readonly string[], { env = {}, cwd = APPLICATION }: RunOptions = {}): Promise<Ended> {
  const [node = '', ...flags] = COMMAND;
  return ended(node, [...flags, ...args], cwd, environment(env));
}

/** Runs `spillway` in a pseudo-terminal, 100 columns wide; what it prints on either way is in `stdout`. */
export async function cliInTerminal(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { env = {}, cwd = APPLICATION } = options;
  const quoted = [...COMMAND, ...args].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const command = `stty cols 100 rows 40; ${quoted}`;
  const inTerminal = { TERM: 'xterm-256color', ...env };
  return ended('script', ['--quiet', '--return', '--command', command, '/dev/null'], cwd, environment(inTerminal));
}

async function ended(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn(program, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode] = (await exit) as [number | null];
  return { exitCode, stdout, stderr };
}

/** That of the shell of a user, who runs no tests. */
function environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { VITEST: _tests, NO_COLOR: _plain, FORCE_COLOR: _coloured, ...inherited } = process.env;
  return { ...inherited, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env };
}
