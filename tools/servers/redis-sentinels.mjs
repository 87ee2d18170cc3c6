/** A Redis primary of a run's own with two replicas, and three sentinels that put one of them in its place. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { untilRedisSays } from './until-redis-says.mjs';
import { keepAlive, programOfRedis } from './kept-redis.mjs';
import { followedBy } from './redis-replica.mjs';
import { makeRunFolder, removeFolder } from './run-folder.mjs';
import { startSentinel } from './sentinel.mjs';

const name = 'shop';
/** Longer than the sentinels need: a primary that comes back sooner stays the primary. */
const awayMs = 8_000;

/**
 * @typedef {object} RedisSentinels
 * @property {readonly { host: string, port: number }[]} sentinels
 * @property {string} name under which the sentinels know the primary
 * @property {number} pid of the first primary, which is started again when it has died
 * @property {() => Promise<void>} stop
 */

/**
 * @param {Readonly<Record<string, string>>} settings of the first primary, as in redis.conf
 * @returns {Promise<RedisSentinels>}
 * @throws NoServers if this machine has no program of Redis
 */
export async function startRedisSentinels(settings = {}) {
  const binary = programOfRedis('sentinel');
  const folder = makeRunFolder();
  /** @type {(() => Promise<void>)[]} */
  const stops = [];
  const stop = async () => {
    await Promise.all(stops.map((each) => each()));
    removeFolder(folder);
  };
  try {
    const own = path.join(folder, 'primary');
    mkdirSync(own);
    const primary = await keepAlive(binary, own, { 'repl-diskless-sync-delay': '0', ...settings }, awayMs);
    stops.push(() => primary.stop());
    for (const which of ['replica-1', 'replica-2']) {
      const replica = await followedBy(primary, binary, path.join(folder, which));
      stops.push(() => replica.stop());
    }
    const master = { name, port: primary.port, quorum: 2, downAfterMs: 1_000 };
    const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel({ binary, folder, master })));
    for (const sentinel of sentinels) stops.push(() => sentinel.stop());
    // Before they know each other, and the replicas, they cannot put one in the place of the primary.
    const known = [/num-slaves\r\n\$1\r\n2\r\n/u, /num-other-sentinels\r\n\$1\r\n2\r\n/u];
    await Promise.all(sentinels.map(({ port }) => untilRedisSays(port, `SENTINEL MASTER ${name}`, known)));
    const addresses = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    return { sentinels: addresses, name, pid: primary.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
