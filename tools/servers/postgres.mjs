/** One private PostgreSQL cluster: its own port, its own folder, never as root, and it dies with this process. */
import { execFile, execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ended } from './leash.mjs';
import { onFreePort, startServer } from './start-server.mjs';

const run = promisify(execFile);

/**
 * Starts the cluster in `folder`, which is made by `initdb` the first time. It takes connections on 127.0.0.1 only, as
 * the superuser `postgres`, without a password.
 *
 * @param {object} options
 * @param {string} options.bin the folder of `initdb` and `postgres`
 * @param {string} options.folder as given by {@link makeClusterFolder}
 * @param {number} [options.port]
 * @param {Readonly<Record<string, string>>} [options.settings] as in postgresql.conf
 * @returns {Promise<import('./start-server.mjs').RunningServer>}
 */
export async function startPostgres({ bin, folder, port: wanted, settings = {} }) {
  const user = serverUser();
  const data = path.join(folder, 'data');
  if (!existsSync(path.join(data, 'PG_VERSION'))) {
    const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'];
    await run(path.join(bin, 'initdb'), [...options, `--pgdata=${data}`], { ...user, cwd: folder });
  }
  return onFreePort(wanted, async (port) => {
    const log = path.join(folder, 'postgres.log');
    const all = { ...defaults, ...settings, port: String(port) };
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const { child, pid, hasEnded } = await startServer([path.join(bin, 'postgres'), '-D', data, ...flags], {
      log,
      ready: /database system is ready to accept (read-only )?connections/,
      // SIGQUIT is PostgreSQL's immediate shutdown: it takes its children along and gives its shared memory back.
      leash: { ...user, folder, cwd: folder, signal: 'SIGQUIT' },
    });
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      port,
      pid,
      log,
      hasEnded,
      async stop() {
        child.kill('SIGCONT');
        child.kill('SIGQUIT');
        await ended(child);
      },
    };
  });
}

/**
 * Makes `folder` the data of a replica: a copy of a cluster, which follows that one as soon as {@link startPostgres}
 * starts it. It needs no `pg_basebackup`, which a package of the server may lack.
 *
 * @param {object} options
 * @param {string} options.data of the cluster that is copied
 * @param {string} options.folder as given by {@link makeClusterFolder}
 * @param {number} options.port of that cluster
 * @param {(copy: () => Promise<void>) => Promise<string>} options.backedUp copies while that server is in a backup, and
 * answers the label of the backup
 */
export async function copyCluster({ data, folder, port, backedUp }) {
  const user = serverUser();
  const copy = path.join(folder, 'data');
  const label = await backedUp(async () => {
    await run('cp', ['-a', data, copy], { ...user, cwd: folder });
  });
  // The log of what has happened since comes from the other server.
  await run('find', [path.join(copy, 'pg_wal'), '-type', 'f', '-delete'], { ...user, cwd: folder });
  rmSync(path.join(copy, 'postmaster.pid'));
  const settings = `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres'\n`;
  const files = { backup_label: label, 'standby.signal': '', 'postgresql.auto.conf': settings };
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(copy, name);
    writeFileSync(file, text);
    if (user !== undefined) chownSync(file, user.uid, user.gid);
  }
}

/** No unix socket: its path may be too long below a deep checkout, and a port is all that anybody needs. */
const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  // Read by the tests that count statements: database, process and application of every line.
  log_line_prefix: '%d|%p|%a|',
  lc_messages: 'C',
};

/**
 * For tests: nothing waits for the disk. A killed server still keeps every commit; only a crash of the machine would
 * not. (`synchronous_commit` stays on, for without it a killed server does forget.)
 */
export const settingsOfTests = { fsync: 'off', full_page_writes: 'off' };

/**
 * Makes the folder of a cluster, owned by the user that will run it: below `parent`, or below the system's temporary
 * folder if that user cannot enter `parent` (a checkout in root's home).
 *
 * @param {string} parent
 * @returns {string}
 */
export function makeClusterFolder(parent) {
  const user = serverUser();
  mkdirSync(parent, { recursive: true });
  const base = canEnter(parent, user) ? parent : tmpdir();
  const folder = mkdtempSync(path.join(base, base === parent ? 'postgres-' : 'spillway-postgres-'));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

/**
 * PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody` where there is no such user.
 *
 * @returns {{ uid: number, gid: number } | undefined}
 */
export function serverUser() {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (/** @type {string} */ option) => Number(execFileSync('id', [option, name], { stdio: 'pipe' }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // There is no user of that name; the next one is asked for.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it: add one.');
}

/**
 * @param {string} folder
 * @param {{ uid: number, gid: number } | undefined} user
 */
function canEnter(folder, user) {
  if (user === undefined) return true;
  try {
    execFileSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { ...user, cwd: '/', stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
