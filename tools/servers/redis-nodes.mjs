/** Several Redis servers of a run's own, each of which is started again when it has died. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { findPrograms } from './find.mjs';
import { NoServers } from './no-servers.mjs';
import { clusterSettings, join } from './redis-cluster.mjs';
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
 * @param {{ readonly isCluster?: boolean }} [options] a Redis Cluster of primaries, or servers that know nothing of
 * each other
 * @returns {Promise<RedisNodes>}
 * @throws NoServers if this machine has no program of Redis
 */
export async function startRedisNodes(count, { isCluster = false } = {}) {
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
      const ofCluster = isCluster ? await clusterSettings() : undefined;
      const server = await keepAlive(binary, own, { appendfsync: 'always', ...ofCluster });
      stops.push(() => server.stop());
      const { url, port, pid } = server;
      nodes.push({ name, url, port, pid, bus: Number(ofCluster?.['cluster-port']) });
    }
    if (isCluster) await join(nodes, count);
    return { nodes: nodes.map(({ name, url, pid }) => ({ name, url, pid })), stop };
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
    'Install Redis or Valkey; --topology nodes and --topology cluster start three.',
  );
}

/**
 * @param {string} binary
 * @param {string} folder
 * @param {Readonly<Record<string, string>>} settings
 */
async function keepAlive(binary, folder, settings) {
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
