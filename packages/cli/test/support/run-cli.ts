import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@spillway/test-support';

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

/** A command that runs until it is told to end. */
export interface Running extends AsyncDisposable {
  /** Waits until it has printed this, on standard output or standard error. */
  prints(text: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Types into its terminal. */
  type(keys: string): void;
  ended(): Promise<Ended>;
}

/** What Ctrl-C types: the terminal makes a SIGINT of it. */
export const CTRL_C = '\u0003';

/** Runs `spillway`, where nobody has a terminal. */
export async function cli(args: readonly string[], options?: RunOptions): Promise<Ended> {
  await using running = startCli(args, options);
  return await running.ended();
}

/** Runs `spillway` in a pseudo-terminal, 100 columns wide; what it prints on either way is in `stdout`. */
export async function cliInTerminal(args: readonly string[], options?: RunOptions): Promise<Ended> {
  await using running = startCliInTerminal(args, options);
  return await running.ended();
}

export function startCli(args: readonly string[], { env = {}, cwd = APPLICATION }: RunOptions = {}): Running {
  const [node = '', ...flags] = COMMAND;
  return start(node, [...flags, ...args], cwd, environment(env));
}

export function startCliInTerminal(args: readonly string[], { env = {}, cwd = APPLICATION }: RunOptions = {}): Running {
  const quoted = [...COMMAND, ...args].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const command = `stty cols 100 rows 40; exec ${quoted}`;
  const inTerminal = environment({ TERM: 'xterm-256color', ...env });
  return start('script', ['--quiet', '--return', '--command', command, '/dev/null'], cwd, inTerminal);
}

function start(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Running {
  const child = spawn(program, [...args], { cwd, env, stdio: 'pipe' });
  const exit = once(child, 'close');
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (data: Buffer) => (printed[stream] += data.toString()));
  return {
    async prints(wanted) {
      const isPrinted = (): boolean => `${printed.stdout}${printed.stderr}`.includes(wanted);
      await eventually(() => isPrinted() || child.exitCode !== null, { what: `"${wanted}"`, timeoutMs: 50_000 });
      if (!isPrinted()) throw new Error(`spillway has ended with ${child.exitCode}: ${printed.stderr}`);
    },
    signal: (signal) => void child.kill(signal),
    type: (keys) => void child.stdin.write(keys),
    async ended() {
      const [exitCode] = (await exit) as [number | null];
      return { exitCode, ...printed };
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** That of the shell of a user, who runs no tests. An ORM of this process has set variables of MikroORM. */
function environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  // Where CI is set, Node takes a terminal for one without colours.
  const isOfTests = /^(?:CI|VITEST|NO_COLOR|FORCE_COLOR|MIKRO_ORM_.*)$/u;
  const inherited = Object.entries(process.env).filter(([name]) => !isOfTests.test(name));
  return { ...Object.fromEntries(inherited), NODE_COMPILE_CACHE: COMPILE_CACHE, ...env };
}
