/**
 * `npm run differential -- --programs 1000 --seed 7`: runs the programs of so many seeds from this one on, and prints
 * the first that fails, shrunk.
 */
import { parseArgs } from 'node:util';
import startSharedServers from '../support/global-setup.js';
import { runPrograms } from './run-programs.js';

const { values } = parseArgs({
  options: {
    programs: { type: 'string' },
    seed: { type: 'string' },
    pglite: { type: 'boolean' },
    'no-shrink': { type: 'boolean' },
    all: { type: 'boolean' },
  },
});
const programs = Number(values.programs ?? (values.seed === undefined ? 1_000 : 1));
const from = Number(values.seed ?? 1 + Math.floor(Math.random() * 1e9));
const write = (line: string): void => void process.stdout.write(`${line}\n`);

const stop = await startSharedServers();
write(`Programs ${from} to ${from + programs - 1}.`);
const { failures, summary } = await runPrograms({
  from,
  programs,
  host: values.pglite ? 'pglite' : 'server',
  shrinking: !values['no-shrink'],
  stopAtFirst: !values.all,
  report: write,
});
write(summary);
process.exitCode = failures.length === 0 ? 0 : 1;
await stop();
