/**
 * The way in from a bare clone: `node tools/bootstrap.mjs <script> [arguments]`.
 *
 * Needs nothing but Node 20 and npm. Installs if that is due, then runs the npm script `<script>`, in which `node` is the
 * newer one that the repository brings along, because npm puts `node_modules/.bin` first on the path of its scripts.
 * Arguments, exit code and signals pass through, and stdout is the script's alone.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './bootstrap/install.mjs';
import { npmCommand } from './bootstrap/npm.mjs';
import { explainOldNode } from './bootstrap/node-version.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [script, ...args] = process.argv.slice(2);

const tooOld = explainOldNode(process.versions.node);
if (tooOld !== undefined) fail(tooOld);
if (script === undefined) fail('Usage: node tools/bootstrap.mjs <npm script> [arguments]');

try {
  await ensureInstalled(root);
  process.exitCode = await runScript(script, args);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

/**
 * @param {string} name
 * @param {readonly string[]} scriptArgs
 * @returns {Promise<number>}
 */
function runScript(name, scriptArgs) {
  const [npm, ...npmArgs] = npmCommand(process.env);
  const child = spawn(npm, [...npmArgs, 'run', '--silent', name, '--', ...scriptArgs], { cwd: root, stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  // A terminal sends its Ctrl-C to every process in front of it, so the script has it already.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}
