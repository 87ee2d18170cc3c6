/** The packages that are published: their manifests, and the files that a tarball of each would hold. */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { npmCommand } from '../bootstrap/npm.mjs';

/** @typedef {Readonly<Record<string, string>>} Ranges versions that are allowed, by the name of the package */

/**
 * @typedef {object} Manifest the part of a `package.json` that a release depends on
 * @property {string} name
 * @property {string} version
 * @property {string} [license]
 * @property {{ readonly node?: string }} [engines]
 * @property {{ readonly access?: string, readonly provenance?: boolean }} [publishConfig]
 * @property {Readonly<Record<string, string | Ranges>>} [exports]
 * @property {Ranges} [bin]
 * @property {Ranges} [dependencies]
 * @property {Ranges} [peerDependencies]
 * @property {Ranges} [devDependencies]
 */

/**
 * @typedef {object} Package
 * @property {string} folder below the root of the repository
 * @property {Manifest} manifest
 * @property {readonly string[]} files what its tarball holds
 * @property {readonly string[]} scripts its Lua scripts, below `src`
 */

/**
 * @param {string} root of a repository that is built
 * @returns {Package[]}
 */
export function readPackages(root) {
  return globSync('packages/*/package.json', { cwd: root })
    .toSorted()
    .map((file) => {
      const folder = path.dirname(file);
      return {
        folder,
        manifest: /** @type {Manifest} */ (JSON.parse(readFileSync(path.join(root, file), 'utf8'))),
        files: filesOf(path.join(root, folder)),
        scripts: globSync('**/*.lua', { cwd: path.join(root, folder, 'src') }),
      };
    });
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesOf(folder) {
  const [command, ...args] = npmCommand(process.env);
  const { status, stdout, stderr } = spawnSync(command, [...args, 'pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`npm cannot pack ${folder}: ${stderr}`);
  // Since npm 12 the answer is an object by name instead of a list.
  const [packed] = /** @type {{ files: { path: string }[] }[]} */ (Object.values(JSON.parse(stdout)));
  return packed?.files.map((file) => file.path) ?? [];
}
