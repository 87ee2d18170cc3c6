/**
 * `npm run release:dry -- minor`: everything that a release does, up to what leaves this machine. `lerna version`
 * raises the version and makes the commit and its tag in a temporary clone of HEAD, which is then built, checked, and
 * given to `npm publish --dry-run`. Nothing is pushed or published, and this checkout stays as it is. `patch`, `minor`,
 * `major`, a `pre…` of them, or a version says which release; `patch` without.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmCommand } from './bootstrap/npm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [wanted = 'patch'] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), 'spillway-release-'));
const clone = path.join(folder, 'clone');
const npm = npmCommand(process.env);

try {
  if (git(root, 'status', '--porcelain') !== '') console.log('What is not committed is not a part of this release.');
  git(root, 'clone', '--quiet', root, clone);
  git(clone, 'checkout', '--quiet', '-B', 'main');
  git(clone, 'remote', 'remove', 'origin');
  git(clone, 'config', 'user.name', 'Release');
  git(clone, 'config', 'user.email', 'release@localhost');
  linkModules();
  step('lerna', 'version', wanted, '--no-push', '--yes', '--loglevel', 'warn');
  step('oxfmt', '--check', 'lerna.json', 'CHANGELOG.md', ...packageFolders().map((name) => `${name}/package.json`));
  step('tsc', '-b', ...packageFolders());
  step('node', 'tools/copy-lua.mjs');
  step('node', 'tools/check-packages.mjs');
  for (const name of packageFolders()) publishDry(name);
  const { version } = JSON.parse(readFileSync(path.join(clone, 'lerna.json'), 'utf8'));
  console.log(git(clone, 'show', '--stat', '--format=%s%d', 'HEAD'));
  console.log(`${packageFolders().length} packages could be published as ${version}; nothing has left this machine.`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** @returns {string[]} */
function packageFolders() {
  return readdirSync(path.join(clone, 'packages'))
    .filter((name) => existsSync(path.join(clone, 'packages', name, 'package.json')))
    .map((name) => `packages/${name}`);
}

/** What is installed here, but for the packages of this repository: those are the clone's own. */
function linkModules() {
  linkAll('node_modules', (name) => name !== '@spillway');
  mkdirSync(path.join(clone, 'node_modules/@spillway'));
  for (const name of packageFolders())
    symlinkSync(path.join(clone, name), path.join(clone, 'node_modules/@spillway', path.basename(name)));
  symlinkSync(path.join(clone, 'test/support'), path.join(clone, 'node_modules/@spillway/test-support'));
  for (const name of packageFolders()) linkAll(`${name}/node_modules`, () => true);
}

/**
 * @param {string} modules
 * @param {(name: string) => boolean} takes
 */
function linkAll(modules, takes) {
  if (!existsSync(path.join(root, modules))) return;
  mkdirSync(path.join(clone, modules));
  for (const name of readdirSync(path.join(root, modules)).filter(takes))
    symlinkSync(path.join(root, modules, name), path.join(clone, modules, name));
}

/** @param {string} name */
function publishDry(name) {
  const said = step(...npm, 'publish', '--dry-run', '--loglevel', 'notice', `./${name}`);
  // npm says the access of `publishConfig`, and makes the provenance only when it really publishes.
  if (!said.includes('public access (dry-run)'))
    throw new Error(`npm would not publish ${name} for everybody:\n${said}`);
  console.log(said.trim().split('\n').at(-1));
}

/**
 * @param {string[]} command
 * @returns {string} what it has said
 */
function step(...command) {
  console.log(`$ ${command.join(' ').replace(npm.join(' '), 'npm')}`);
  return run(clone, command);
}

/**
 * @param {string} cwd
 * @param {string[]} args
 */
function git(cwd, ...args) {
  return run(cwd, ['git', ...args]).trim();
}

/**
 * @param {string} cwd
 * @param {string[]} command
 */
function run(cwd, [name = '', ...args]) {
  const { status, stdout, stderr, error } = spawnSync(name, args, { cwd, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`"${[name, ...args].join(' ')}" has failed: ${error?.message ?? `\n${stdout}${stderr}`}`);
  return `${stderr}${stdout}`;
}
