/**
 * `MIKRO_ORM_TESTS=dir npm run mikro-orm-suite`: MikroORM's own tests for PostgreSQL, three times: plain, with the
 * extension and nothing decorated, and with every entity written behind. Each test that ends otherwise than in the
 * plain run has to stand in `known.ts`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import startSharedServers from '../support/global-setup.js';
import { judge } from './judge.js';
import { knownDifferences } from './known-differences.js';
import { differences, outcomesOf, type Outcome, type Report } from './outcomes.js';
import { postgresFiles } from './suite-files.js';

type Mode = 'plain' | 'none' | 'all';

const { values, positionals } = parseArgs({
  options: { files: { type: 'string' }, reports: { type: 'string' }, again: { type: 'string', multiple: true } },
  allowPositionals: true,
});
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const root = checkout();
const files = chosenFiles();
const reports = path.resolve(values.reports ?? 'node_modules/.cache/mikro-orm-suite');
mkdirSync(reports, { recursive: true });

write(`${files.length} files of ${root}`);
const plain = await run('plain');
process.exitCode = 0;
for (const mode of ['none', 'all'] as const) {
  const found = differences(plain, await run(mode));
  const { lines, isAsKnown } = judge(found, mode === 'all' ? knownDifferences : [], files);
  write(`\n${mode}: ${found.length} tests differ from the plain run`);
  for (const line of lines) write(line);
  if (!isAsKnown) process.exitCode = 1;
}

function checkout(): string {
  const named = process.env['MIKRO_ORM_TESTS'];
  if (named !== undefined && existsSync(path.join(named, 'tests'))) return realpathSync(named);
  throw new Error('MIKRO_ORM_TESTS has to name a checkout of MikroORM: the folder that holds its "tests".');
}

/** Those that the arguments name by a part of their path; else the first of all. */
function chosenFiles(): string[] {
  const all = postgresFiles(root);
  const named = all.filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)));
  return named.slice(0, Number(values.files ?? named.length));
}

/** Each run has servers of its own: databases of the suite bear the same names in all of them. */
async function run(mode: Mode): Promise<Outcome[]> {
  const report = path.join(reports, `${mode}.json`);
  if (!values.again || values.again.includes(mode)) await runVitest(mode, report);
  const outcomes = outcomesOf(JSON.parse(readFileSync(report, 'utf8')) as Report, root);
  const passed = outcomes.filter(({ status }) => status === 'passed').length;
  write(`${mode}: ${passed} of ${outcomes.length} tests passed`);
  return outcomes;
}

async function runVitest(mode: Mode, report: string): Promise<void> {
  const log = openSync(report.replace(/json$/, 'log'), 'w');
  const stop = await startSharedServers();
  try {
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const config = [
      'run',
      '--config',
      here('vitest.config.ts'),
      '--reporter=default',
      '--reporter=json',
      `--outputFile=${report}`,
    ];
    const vitest = here('../../node_modules/vitest/vitest.mjs');
    const child = spawn(process.execPath, [vitest, ...config, ...files], {
      cwd: root,
      stdio: ['ignore', log, log],
      env: { ...process.env, MIKRO_ORM_TESTS: root, SPILLWAY_SUITE: mode },
    });
    await once(child, 'exit');
  } finally {
    closeSync(log);
    await stop();
    delete process.env['REDIS_URL'];
    delete process.env['DATABASE_URL'];
  }
}
