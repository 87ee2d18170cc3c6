/**
 * `.ci/run` does this: the checks, `npm test`, one part of the long tests, and a short `npm start`. The tests are
 * counted one by one; the checks and `npm start` count as one each. SPILLWAY_PART names the part, instead of the
 * commit.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { countTests } from './ci/count-tests.mjs';
import { failuresOf } from './ci/failures.mjs';
import { partOfRun } from './gates/select.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @typedef {import('./ci/count-tests.mjs').Count} Count */

const chosen = partOfRun(process.env['SPILLWAY_PART'], numberOfCommit());
if ('message' in chosen) {
  console.error(chosen.message);
  process.exit(2);
}
console.log(`Part ${chosen.part} of the long tests: ${chosen.holds}. (SPILLWAY_PART=${chosen.part})`);

const NO_FAILED_TEST = 'No test failed: an error outside of tests, or servers that did not start, ended the run.';

/** @type {string[]} printed in the end: a log of this length is read from its last page */
const failures = [];

/** @type {Count[]} */
const counts = [
  // `npm test` runs the unit tests and the room rules.
  countCommand('run', 'check', '--', '--without-tests'),
  countTestsOf('test'),
  countTestsOf('run', 'test:long', '--', '--part', String(chosen.part)),
  countCommand('start', '--', '--seconds', '10', '--json'),
];

const sum = (/** @type {keyof Count} */ key) => counts.reduce((total, count) => total + count[key], 0);
process.exitCode = sum('failed') === 0 ? 0 : 1;
if (failures.length > 0) console.log(`\n${failures.join('\n')}\n`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);

/** Grows by one from a commit to the next, where the clone has them all. */
function numberOfCommit() {
  const git = (/** @type {string[]} */ ...args) =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).stdout?.trim() ?? '';
  const isShallow = git('rev-parse', '--is-shallow-repository') !== 'false';
  return isShallow
    ? Number.parseInt(git('rev-parse', '--short=8', 'HEAD'), 16) || 0
    : Number(git('rev-list', '--count', 'HEAD'));
}

/**
 * @param {string[]} args
 * @returns {Count}
 */
function countCommand(...args) {
  return npm(args) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * @param {string[]} script
 * @returns {Count}
 */
function countTestsOf(...script) {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-ci-'));
  const report = path.join(folder, 'tests.json');
  const args = script.includes('--') ? script : [...script, '--'];
  const succeeded = npm([...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]);
  const result = readReport(report);
  rmSync(folder, { recursive: true });
  const failed = failuresOf(result);
  if (!succeeded) failures.push(`npm ${script.join(' ')}:`, ...(failed.length > 0 ? failed : [NO_FAILED_TEST]));
  return countTests(result, succeeded);
}

/** @param {string[]} args */
function npm(args) {
  console.log(`\n$ npm ${args.join(' ')}`);
  const begin = performance.now();
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  console.log(`"npm ${args.join(' ')}" took ${((performance.now() - begin) / 1_000).toFixed(0)} s.`);
  if (status !== 0) failures.push(`"npm ${args.join(' ')}" failed with status ${status}.`);
  return status === 0;
}

/** @param {string} file */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.log(`The tests have left no report: ${String(error)}`);
    return undefined;
  }
}
