/** Installs the packages that package-lock.json names, when that is due, and once for runs that begin together. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '../run-command.mjs';
import { npmCommand } from './npm.mjs';

/** @param {string} root */
export async function ensureInstalled(root) {
  if (!needsInstall(root)) return;
  const release = await takeLock(path.join(root, '.install.lock'));
  try {
    if (needsInstall(root)) await install(root); // The process that held the lock before may have done it.
  } finally {
    release();
  }
}

/**
 * npm writes `node_modules/.package-lock.json` at the end of an installation, so an interrupted one counts as none.
 *
 * @param {string} root
 * @returns {boolean}
 */
export function needsInstall(root) {
  const installed = modifiedAt(path.join(root, 'node_modules', '.package-lock.json'));
  return installed === undefined || installed < Number(modifiedAt(path.join(root, 'package-lock.json')));
}

/** @param {string} root */
async function install(root) {
  console.error('Installing packages with npm ci; this takes about half a minute, once.');
  // The engine warnings are about this Node, which only installs; and our stdout belongs to the script that runs next.
  const status = await runCommand([...npmCommand(process.env), 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    output: process.stderr.fd,
  });
  if (status !== 0) throw new Error(`"npm ci" failed with status ${status}; nothing else has been run.`);
}

/**
 * A file that holds the process id of its owner. One whose owner has died is taken over.
 *
 * @param {string} file
 * @returns {Promise<() => void>}
 */
async function takeLock(file) {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    if (ownerHasDied(file)) rmSync(file, { force: true });
    else await pause(200);
  }
}

/** @param {string} file */
function ownerHasDied(file) {
  try {
    const owner = Number(readFileSync(file, 'utf8'));
    // A lock without a number in it is just being written.
    if (owner > 0) process.kill(owner, 0);
    return false;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH';
  }
}

/** @param {string} file */
function modifiedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}
