/**
 * The way in from a bare clone: `node tools/bootstrap.mjs <script> [arguments]`.
 *
 * Needs nothing but Node 20 and npm. Installs if that is due, then runs the npm script `<script>`, in which `node` is
 * the newer one that the repository brings along, because npm puts `node_modules/.bin` first on the path of its
 * scripts. Arguments, exit code and signals pass through, and stdout is the script's alone.
 */
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './bootstrap/install.mjs';
import { npmCommand } from './bootstrap/npm.mjs';
import { explainOldNode } from './bootstrap/node-version.mjs';
import { runCommand } from './run-command.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [script, ...args] = process.argv.slice(2);

const tooOld = explainOldNode(process.versions.node);
if (tooOld !== undefined) fail(tooOld);
if (script === undefined) fail('Usage: node tools/bootstrap.mjs <npm script> [arguments]');

try {
  await ensureInstalled(root);
  process.exitCode = await runCommand([...npmCommand(process.env), 'run', '--silent', script, '--', ...args], {
    cwd: root,
  });
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}
