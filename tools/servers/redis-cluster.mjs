/** A Redis Cluster of a run's own. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { askRedis } from './ask-redis.mjs';
import { startRedis } from './redis.mjs';
import { freePort } from './start-server.mjs';

const slots = 16_384;

/**
 * @typedef {object} ClusterServer
 * @property {string} url
 * @property {number} port
 * @property {number} pid
 * @property {string} id as CLUSTER NODES has it
 * @property {() => Promise<void>} stop
 * @property {() => Promise<void>} restart starts it again after `stop`, on its port and on its data
 */

/**
 * Starts primaries that share the slots evenly, and behind them as many replicas of each.
 *
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.folder
 * @param {number} options.primaries
 * @param {number} [options.replicas] of each primary
 * @param {(place: number) => Readonly<Record<string, string>>} [options.settings] of each server, as in redis.conf
 * @returns {Promise<{ servers: readonly ClusterServer[], stop: () => Promise<void> }>} the primaries first
 */
export async function startRedisCluster({ binary, folder, primaries, replicas = 0, settings = () => ({}) }) {
  const count = primaries * (1 + replicas);
  const started = await Promise.all(
    Array.from({ length: count }, async (_, place) => {
      const own = path.join(folder, `cluster-${place}`);
      mkdirSync(own);
      const ofCluster = await clusterSettings();
      const start = (/** @type {number | undefined} */ port) =>
        startRedis({
          binary,
          folder: own,
          ...(port !== undefined && { port }),
          settings: { ...ofCluster, ...settings(place) },
        });
      let server = await start(undefined);
      return {
        ...server,
        bus: Number(ofCluster['cluster-port']),
        stop: () => server.stop(),
        restart: async () => {
          server = await start(server.port);
        },
      };
    }),
  );
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    return { servers: await join(started, primaries), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The settings of one server. The port of the cluster's own bus is 10,000 above by default, which may be taken, or be
 * none.
 *
 * @returns {Promise<Readonly<Record<string, string>> & { readonly 'cluster-port': string }>}
 */
export async function clusterSettings() {
  return {
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': '1000',
    'cluster-port': String(await freePort()),
    'cluster-require-full-coverage': 'no',
    'repl-diskless-sync-delay': '0',
  };
}

/**
 * Makes a cluster of servers that have just been started.
 *
 * @template {{ readonly url: string, readonly port: number, readonly bus: number }} Server
 * @param {readonly Server[]} started
 * @param {number} primaries
 * @returns {Promise<readonly (Server & { readonly id: string })[]>}
 */
export async function join(started, primaries) {
  const ports = started.map(({ port }) => port);
  await Promise.all(ports.map((port, place) => cluster(port, 'SET-CONFIG-EPOCH', place + 1)));
  await Promise.all(ports.slice(0, primaries).map((port, place) => giveSlots(port, place, primaries)));
  await Promise.all(ports.map((port) => meetAll(port, started)));
  await Promise.all(ports.map((port) => knowsAll(port, ports.length)));
  const ids = await Promise.all(ports.map((port) => cluster(port, 'MYID')));
  const replicas = ports.slice(primaries);
  await Promise.all(replicas.map((port, place) => cluster(port, 'REPLICATE', ids[place % primaries] ?? '')));
  await Promise.all(ports.map((port) => isReady(port)));
  return started.map((server, place) => ({ ...server, id: ids[place] ?? '' }));
}

/**
 * @param {number} port
 * @param {readonly (string | number)[]} words
 */
function cluster(port, ...words) {
  return askRedis(port, ['CLUSTER', ...words]);
}

/**
 * @param {number} port
 * @param {number} place
 * @param {number} primaries
 */
async function giveSlots(port, place, primaries) {
  const first = Math.floor((place * slots) / primaries);
  const last = Math.floor(((place + 1) * slots) / primaries) - 1;
  await cluster(port, 'ADDSLOTSRANGE', first, last);
}

/**
 * @param {number} port
 * @param {readonly { readonly port: number, readonly bus: number }[]} servers
 */
async function meetAll(port, servers) {
  for (const other of servers) await cluster(port, 'MEET', '127.0.0.1', other.port, other.bus);
}

/**
 * @param {number} port
 * @param {number} count
 */
async function knowsAll(port, count) {
  await until(async () => {
    const lines = (await cluster(port, 'NODES')).trim().split('\n');
    return lines.length === count && !lines.some((line) => /handshake|noaddr/.test(line));
  });
}

/** @param {number} port */
async function isReady(port) {
  await until(async () => {
    const info = await cluster(port, 'INFO');
    const replication = await askRedis(port, ['INFO', 'replication']);
    return info.includes('cluster_state:ok') && !replication.includes('master_link_status:down');
  });
}

/** @param {() => Promise<boolean>} isTrue */
async function until(isTrue) {
  for (let round = 0; !(await isTrue()); round += 1) {
    if (round === 1_000) throw new Error('The servers of the Redis Cluster have not found each other.');
    await pause(20);
  }
}
