/** One Redis Sentinel: its own port, its own folder, and it dies with this process. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { ended } from './leash.mjs';
import { onFreePort, startServer } from './start-server.mjs';

/**
 * Whom a sentinel watches.
 *
 * @typedef {object} SentinelMaster
 * @property {string} name
 * @property {number} port
 * @property {number} quorum
 * @property {number} downAfterMs
 */

/**
 * @param {object} options
 * @param {string} options.binary the Redis server, which is a sentinel too
 * @param {string} options.folder
 * @param {SentinelMaster} options.master
 * @returns {Promise<import('./start-server.mjs').RunningServer>}
 */
export function startSentinel({ binary, folder, master: { name, port: masterPort, quorum, downAfterMs } }) {
  return onFreePort(undefined, async (port) => {
    const log = path.join(folder, `sentinel-${port}.log`);
    const settings = path.join(folder, `sentinel-${port}.conf`);
    // A sentinel writes what it learns into its file of settings.
    writeFileSync(
      settings,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor ${name} 127.0.0.1 ${masterPort} ${quorum}`,
        `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
        `sentinel failover-timeout ${name} 10000`,
        '',
      ].join('\n'),
    );
    const { child, pid, hasEnded } = await startServer([binary, settings, '--sentinel'], {
      log,
      ready: /\+monitor master/,
      leash: { folder, cwd: folder },
    });
    return {
      url: `redis://127.0.0.1:${port}`,
      port,
      pid,
      log,
      hasEnded,
      async stop() {
        child.kill('SIGKILL');
        await ended(child);
      },
    };
  });
}
