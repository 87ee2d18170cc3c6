/** A Redis of a run's own that is started again when it has died. */
import { findPrograms } from './find.mjs';
import { NoServers } from './no-servers.mjs';
import { startRedis } from './redis.mjs';

const lookEveryMs = 100;

/**
 * @typedef {object} KeptRedis
 * @property {string} url
 * @property {number} port
 * @property {number} pid of its first life
 * @property {() => Promise<void>} stop
 */

/**
 * Also where REDIS_URL names a server: it is one, and nobody may kill it.
 *
 * @param {string} topology
 */
export function programOfRedis(topology) {
  const { redis } = findPrograms(process.env);
  if (redis !== undefined) return redis;
  throw new NoServers(
    'this machine has no program of Redis',
    `Install Redis or Valkey; --topology ${topology} starts servers of its own.`,
  );
}

/**
 * @param {string} binary
 * @param {string} folder
 * @param {Readonly<Record<string, string>>} settings as in redis.conf
 * @param {number} [awayMs] how long it stays away when it has died
 * @returns {Promise<KeptRedis>}
 */
export async function keepAlive(binary, folder, settings, awayMs = 1_500) {
  let server = await startRedis({ binary, folder, settings });
  const { url, port, pid } = server;
  let isStopping = false;
  /** @type {Promise<void> | undefined} */
  let starting;
  const startAgain = async () => {
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    if (!isStopping) server = await startRedis({ binary, folder, port, settings });
  };
  const looking = setInterval(() => {
    if (!server.hasEnded() || isStopping) return;
    starting ??= startAgain().finally(() => (starting = undefined));
    starting.catch(() => undefined);
  }, lookEveryMs);
  return {
    url,
    port,
    pid,
    async stop() {
      isStopping = true;
      clearInterval(looking);
      await starting?.catch(() => undefined);
      await server.stop();
    },
  };
}
