import { printable } from '@spillway/core';
import { CommanderError } from 'commander';
import { Session } from './command.js';
import { EXIT, exitCodeOf, type ExitCode, spillwayCodeOf } from './exit-code.js';
import type { Terminal } from './output/terminal.js';
import { program } from './program.js';

/** Runs one command line. Never rejects: an error is a message, and an exit code. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const session = new Session(terminal);
  try {
    await program(session).parseAsync(argv, { from: 'user' });
    return session.exitCode;
  } catch (error) {
    // Commander has printed the help, or what is wrong with the usage.
    const isUsage = error instanceof CommanderError;
    if (isUsage && error.exitCode === 0) return EXIT.FINE;
    const { code, message } = described(error);
    if (!isUsage) terminal.say(`spillway: ${message}`);
    if (argv.includes('--json')) terminal.print(JSON.stringify({ error: { code, message } }));
    return isUsage ? EXIT.WRONG : exitCodeOf(error);
  }
}

/** Words for errors that are not Spillway's. */
const CODES: Partial<Readonly<Record<ExitCode, string>>> = { [EXIT.WRONG]: 'USAGE', [EXIT.LEFT]: 'INTERRUPTED' };

function described(error: unknown): { readonly code: string; readonly message: string } {
  const message = printable(error instanceof Error ? error.message : String(error));
  if (error instanceof CommanderError) return { code: 'USAGE', message };
  const code = spillwayCodeOf(error);
  if (code) return { code, message };
  return { code: CODES[exitCodeOf(error)] ?? 'UNEXPECTED', message };
}
