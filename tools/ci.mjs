/** What `.ci/run` does. The tests are counted one by one; `npm run check` and `npm start` count as one each. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { countTests } from './ci/count-tests.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @typedef {import('./ci/count-tests.mjs').Count} Count */

const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
/** @type {Count[]} */
const counts = [countCommand('run', 'check'), countAllTests()];
if ('start:here' in scripts) counts.push(countCommand('start', '--', '--seconds', '10', '--json'));

const sum = (/** @type {keyof Count} */ key) => counts.reduce((total, count) => total + count[key], 0);
process.exitCode = sum('failed') === 0 ? 0 : 1;
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);

/**
 * @param {string[]} args
 * @returns {Count}
 */
function countCommand(...args) {
  return npm(args) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** @returns {Count} */
function countAllTests() {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-ci-'));
  const report = path.join(folder, 'tests.json');
  const succeeded = npm(['test', '--', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]);
  const count = countTests(readReport(report), succeeded);
  rmSync(folder, { recursive: true });
  return count;
}

/** @param {string[]} args */
function npm(args) {
  console.log(`\n$ npm ${args.join(' ')}`);
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) console.log(`"npm ${args.join(' ')}" failed with status ${status}.`);
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
