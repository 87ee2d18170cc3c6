/** One private PgBouncer: its own port, never as root, and it dies with this process. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { ended } from './leash.mjs';
import { serverUser } from './postgres.mjs';
import { onFreePort, startServer } from './start-server.mjs';

/**
 * Starts a pooler in front of the PostgreSQL at `target`, in transaction mode: a server connection belongs to a client
 * from the first statement of a transaction to its end.
 *
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.folder as given by `makeClusterFolder`
 * @param {URL} options.target whose user gets in without a password
 * @param {Readonly<Record<string, string>>} [options.settings] as in pgbouncer.ini
 * @returns {Promise<import('./start-server.mjs').RunningServer>}
 */
export function startPgBouncer({ binary, folder, target, settings = {} }) {
  const users = path.join(folder, 'users.txt');
  writeFileSync(users, `"${decodeURIComponent(target.username)}" ""\n`);
  return onFreePort(undefined, async (port) => {
    const log = path.join(folder, 'pgbouncer.log');
    const all = { ...defaults, ...settings, auth_file: users, listen_port: String(port) };
    const file = path.join(folder, 'pgbouncer.ini');
    writeFileSync(file, iniOf(target, all));
    const { child, pid, hasEnded } = await startServer([binary, file], {
      log,
      ready: /process up/,
      leash: { ...serverUser(), folder, cwd: folder, signal: 'SIGTERM' },
    });
    const url = new URL(target);
    url.port = String(port);
    return {
      url: url.href,
      port,
      pid,
      log,
      hasEnded,
      async stop() {
        child.kill('SIGTERM');
        await ended(child);
      },
    };
  });
}

const defaults = {
  listen_addr: '127.0.0.1',
  unix_socket_dir: '',
  auth_type: 'trust',
  pool_mode: 'transaction',
  max_client_conn: '500',
};

/**
 * @param {URL} target
 * @param {Readonly<Record<string, string>>} settings
 */
function iniOf({ hostname, port }, settings) {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  return ['[databases]', `* = host=${hostname} port=${port || '5432'}`, '[pgbouncer]', ...lines, ''].join('\n');
}
