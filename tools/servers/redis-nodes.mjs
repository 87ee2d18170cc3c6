/** Several Redis servers of a run's own, each of which is started again when it has died. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { findPrograms } from './find.mjs';
import { NoServers } from './no-servers.mjs';
import { startRedis } from './redis.mjs';
import { makeRunFolder, removeFolder } from './run-folder.mjs';

/** How long a server that has died stays away. */
const awayMs = 1_500;
const lookEveryMs = 100;

/**
 * @typedef {object} RedisNode
 * @property {string} name
 * @property {string} url
 * @property {number} pid of its first life
 */

/**
 * @typedef {object} RedisNodes
 * @property {readonly RedisNode[]} nodes
 * @property {() => Promise<void>} stop
 */

/**
 * They write each change to disk before they answer, so that none is lost when one is killed.
 *
 * @param {number} count
 * @returns {Promise<RedisNodes>}
 * @throws NoServers if this machine has no program of Redis
 */
export async function startRedisNodes(count) {
  const binary = programOfRedis();
  const folder = makeRunFolder();
  /** @type {(() => Promise<void>)[]} */
  const stops = [];
  const stop = async () => {
    await Promise.all(stops.map((each) => each()));
    removeFolder(folder);
  };
  try {
    const nodes = [];
    for (let number = 1; number <= count; number += 1) {
      const name = `node-${number}`;
      const own = path.join(folder, name);
      mkdirSync(own);
      const server = await keepAlive(binary, own);
      stops.push(() => server.stop());
      nodes.push({ name, url: server.url, pid: server.pid });
    }
    return { nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Also where REDIS_URL names a server: it is one, and nobody may kill it. */
function programOfRedis() {
  const { redis } = findPrograms(process.env);
  if (redis !== undefined) return redis;
  throw new NoServers(
    'this machine has no program of Redis',
    'Install Redis or Valkey; --topology nodes starts three.',
  );
}

/**
 * @param {string} binary
 * @param {string} folder
 */
async function keepAlive(binary, folder) {
  const settings = { appendfsync: 'always' };
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
    pid,
    async stop() {
      isStopping = true;
      clearInterval(looking);
      await starting?.catch(() => undefined);
      await server.stop();
    },
  };
}
