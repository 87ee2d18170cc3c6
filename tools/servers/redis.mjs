/** One private Redis (or Valkey) server: its own port, its own folder, and it dies with this process. */
import path from 'node:path';
import { ended } from './leash.mjs';
import { onFreePort, startServer } from './start-server.mjs';

/** The demands of Spillway on a Redis: every write in the append-only file, and nothing evicted. */
const defaults = {
  bind: '127.0.0.1',
  appendonly: 'yes',
  appendfsync: 'everysec',
  'maxmemory-policy': 'noeviction',
  save: '',
};

/**
 * Starts a server on `port`, or on a free one. Its data is in `folder`, and is found again by the next start there.
 *
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.folder
 * @param {number} [options.port]
 * @param {Readonly<Record<string, string>>} [options.settings] as in redis.conf; they win over the defaults. With the
 * `tls-port` `any`, the server speaks only TLS, at the port that it gets
 * @returns {Promise<import('./start-server.mjs').RunningServer>}
 */
export function startRedis({ binary, folder, port: wanted, settings = {} }) {
  return onFreePort(wanted, async (port) => {
    const log = path.join(folder, 'redis.log');
    const isTls = settings['tls-port'] === 'any';
    const ports = isTls ? { port: '0', 'tls-port': String(port) } : { port: String(port) };
    const options = Object.entries({ ...defaults, dir: folder, ...settings, ...ports });
    const { child, pid, hasEnded } = await startServer(
      [binary, ...options.flatMap(([name, value]) => [`--${name}`, value])],
      {
        log,
        ready: /Ready to accept connections/,
        leash: { folder, cwd: folder },
      },
    );

    const password = settings['requirepass'];
    return {
      url: `${isTls ? 'rediss' : 'redis'}://${password ? `:${encodeURIComponent(password)}@` : ''}127.0.0.1:${port}`,
      port,
      pid,
      log,
      hasEnded,
      async stop() {
        child.kill('SIGKILL'); // The kernel has the written data already, and a paused server hears nothing else.
        await ended(child);
      },
    };
  });
}
