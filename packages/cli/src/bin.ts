#!/usr/bin/env node
import { Console } from 'node:console';
import { processTerminal } from './output/process-terminal.js';

// Standard output belongs to the answer: what the configuration and MikroORM print goes to standard error, in colours
// only if that is a terminal. MikroORM decides both when it is imported.
globalThis.console = new Console(process.stderr);
if (!process.stderr.isTTY) process.env['MIKRO_ORM_NO_COLOR'] ??= '1';
const { run } = await import('./run.js');

// A reader that has seen enough closes the pipe: `spillway dead-letters list | head`.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 4));

const exitCode = await run(process.argv.slice(2), processTerminal());
// A client of the configuration may still be connected, and would keep the process. What was printed leaves first.
process.stdout.write('', () => process.exit(exitCode));
