/**
 * `lerna version` runs this as npm's `version` script, once the packages have their new version and before it completes
 * package-lock.json and commits. Lerna leaves the peer ranges of the packages on each other as they were, so that npm
 * would look for the old version in the registry: they are raised here. CHANGELOG.md gets the version's heading.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { releasedChangelog } from './release/changelog.mjs';

const { version } = /** @type {{ version: string }} */ (JSON.parse(readFileSync('lerna.json', 'utf8')));
const manifests = globSync('packages/*/package.json').toSorted();
const names = manifests.map((file) => JSON.parse(readFileSync(file, 'utf8')).name);

for (const file of manifests) {
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  for (const name of names) if (manifest.peerDependencies?.[name]) manifest.peerDependencies[name] = `^${version}`;
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}
const day = new Date().toISOString().slice(0, 10);
writeFileSync('CHANGELOG.md', releasedChangelog(readFileSync('CHANGELOG.md', 'utf8'), version, day));

// Lerna writes lerna.json in its own form.
run('oxfmt', 'lerna.json', 'CHANGELOG.md', ...manifests);
run('git', 'add', 'lerna.json', 'CHANGELOG.md', ...manifests);

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`"${command} ${args.join(' ')}" has failed.`, { cause: error });
}
