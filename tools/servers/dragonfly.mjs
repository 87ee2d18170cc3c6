/** One private Dragonfly, by its own flags: a port and a folder of its own, two threads. It dies with this process. */
import path from 'node:path';
import { askRedis } from './ask-redis.mjs';
import { ended } from './leash.mjs';
import { onFreePort, startServer } from './start-server.mjs';

/**
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.folder
 * @returns {Promise<import('./start-server.mjs').RunningServer>}
 */
export function startDragonfly({ binary, folder }) {
  return onFreePort(undefined, async (port) => {
    const log = path.join(folder, 'dragonfly.log');
    // A snapshot at its end would outlive the run. The flags are in "dragonfly --helpfull".
    const flags = [`--port=${port}`, '--bind=127.0.0.1', `--dir=${folder}`, '--dbfilename=', '--proactor_threads=2'];
    const { child, pid, hasEnded } = await startServer([binary, ...flags, '--logtostderr'], {
      log,
      // What it writes differs from release to release.
      ready: async () => (await askRedis(port, ['PING']).catch(() => '')) === 'PONG',
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
