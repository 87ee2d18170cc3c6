/**
 * Where the servers of one run keep their data: `.servers/<host>-<process id>-<random>/` in the checkout, which git
 * ignores. A run removes its own folder; folders of runs that died are removed by the next one.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const serversFolder = path.join(root, '.servers');

// Containers may share a checkout and not their process ids, so a folder names the host that it belongs to.
const host = hostname().replace(/[^\w]/g, '_');

/**
 * Makes a fresh folder for the servers of this process.
 *
 * @returns {string}
 */
export function makeRunFolder() {
  mkdirSync(serversFolder, { recursive: true });
  removeStaleFolders();
  const folder = mkdtempSync(path.join(serversFolder, `${host}-${process.pid}-`));
  chmodSync(folder, 0o755); // PostgreSQL may run as another user, who has to pass through.
  return folder;
}

/** @param {string} folder */
export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

function removeStaleFolders() {
  for (const name of readdirSync(serversFolder)) {
    const owner = ownerOf(name, host);
    if (owner !== undefined && !isAlive(owner)) removeFolder(path.join(serversFolder, name));
  }
}

/**
 * The process that a folder of this host belongs to; `undefined` for any other name.
 *
 * @param {string} name
 * @param {string} onHost
 * @returns {number | undefined}
 */
export function ownerOf(name, onHost) {
  const match = /^(\w+)-(\d+)-\w+$/.exec(name);
  return match?.[1] === onHost ? Number(match[2]) : undefined;
}

/**
 * @param {number} pid
 * @returns {boolean}
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
