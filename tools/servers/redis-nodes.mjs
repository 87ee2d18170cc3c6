/** Several Redis servers of a run's own, each of which is started again when it has died. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { keepAlive, programOfRedis } from './kept-redis.mjs';
import { clusterSettings, join } from './redis-cluster.mjs';
import { followedBy } from './redis-replica.mjs';
import { makeRunFolder, removeFolder } from './run-folder.mjs';

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
 * They write each change to disk before they answer, so that none is lost when one is killed. A primary of a cluster
 * has two replicas: the one that takes its place has another one.
 *
 * @param {number} count of them, or of the primaries of a cluster
 * @param {{ readonly replicas?: boolean, readonly isCluster?: boolean }} [options] `replicas`: each has a replica,
 * which is online. `isCluster`: a Redis Cluster of primaries, in the place of servers that know nothing of each other
 * @returns {Promise<RedisNodes>}
 * @throws NoServers if this machine has no program of Redis
 */
export async function startRedisNodes(count, { replicas = false, isCluster = false } = {}) {
  const binary = programOfRedis(isCluster ? 'cluster' : count === 1 ? 'single' : 'nodes');
  const folder = makeRunFolder();
  /** @type {(() => Promise<void>)[]} */
  const stops = [];
  const stop = async () => {
    await Promise.all(stops.map((each) => each()));
    removeFolder(folder);
  };
  try {
    const nodes = [];
    const all = isCluster && replicas ? 3 * count : count;
    for (let number = 1; number <= all; number += 1) {
      const name = `node-${number}`;
      const own = path.join(folder, name);
      mkdirSync(own);
      const ofCluster = isCluster ? await clusterSettings() : undefined;
      const settings = { appendfsync: 'always', 'repl-diskless-sync-delay': '0', ...ofCluster };
      const server = await keepAlive(binary, own, settings);
      stops.push(() => server.stop());
      if (replicas && !isCluster) {
        const replica = await followedBy(server, binary, path.join(folder, `${name}-replica`));
        stops.push(() => replica.stop());
      }
      const { url, port, pid } = server;
      nodes.push({ name, url, port, pid, bus: Number(ofCluster?.['cluster-port']) });
    }
    if (isCluster) await join(nodes, count);
    return { nodes: nodes.slice(0, count).map(({ name, url, pid }) => ({ name, url, pid })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
