import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import type { Session } from './command.js';
import { deadLettersCommand } from './commands/dead-letters/dead-letters.js';
import { doctorCommand } from './commands/doctor.js';
import { drainCommand } from './commands/drain.js';
import { migrateCommand } from './commands/migrate.js';
import { pauseCommand, resumeCommand } from './commands/pauses.js';
import { reshardCommand } from './commands/reshard.js';
import { statusCommand } from './commands/status.js';
import { workerCommand } from './commands/worker.js';

const EXIT_CODES = `
Exit codes:
  0  done, and nothing is left
  1  there are findings, or something is left to do
  2  wrong usage or configuration
  3  Redis or PostgreSQL cannot be reached
  4  an unexpected error`;

const COMMANDS: readonly ((session: Session) => Command)[] = [
  statusCommand,
  doctorCommand,
  drainCommand,
  pauseCommand,
  resumeCommand,
  deadLettersCommand,
  migrateCommand,
  reshardCommand,
  workerCommand,
];

/** All commands. */
export function program(session: Session): Command {
  const all = new Command('spillway')
    .description('Operates Spillway: what MikroORM has staged in Redis on its way to PostgreSQL')
    .version(version())
    .option('--config <file>', 'configuration of MikroORM; by default found as the command line of MikroORM finds it')
    .option('--context <name>', 'name of a configuration, where the file has several')
    .option('--json', 'print one JSON document on standard output, and messages on standard error')
    .addHelpText('after', EXIT_CODES);
  for (const command of COMMANDS) all.addCommand(command(session));
  inherit(all, session);
  return all;
}

/** Commander would end the process itself, and print where nobody looks. */
function inherit(command: Command, session: Session): void {
  const { terminal } = session;
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, helpWidth: terminal.width })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.say(text.trimEnd()),
      getOutHasColors: () => terminal.hasColour,
    });
  for (const each of command.commands) inherit(each, session);
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
