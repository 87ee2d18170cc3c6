/**
 * The servers of one run: a Redis and a PostgreSQL of its own, on free ports, gone with the run. Whatever else runs on
 * this machine is never touched; `REDIS_URL` and `DATABASE_URL` name servers to use instead.
 */
import path from 'node:path';
import { mkdirSync } from 'node:fs';
import { installWithApt } from './apt.mjs';
import { startContainers } from './docker.mjs';
import { findFacts } from './find.mjs';
import { explainMissing, planServers } from './plan.mjs';
import { makeClusterFolder, startPostgres } from './postgres.mjs';
import { startRedis } from './redis.mjs';
import { makeRunFolder, removeFolder } from './run-folder.mjs';

/**
 * @typedef {object} Servers
 * @property {{ REDIS_URL: string, DATABASE_URL: string, SPILLWAY_POSTGRES_LOG?: string }} env for the command that uses them
 * @property {() => Promise<void>} stop ends what was started here, and removes its data
 */

/**
 * @param {object} [options]
 * @param {Readonly<Record<string, string>>} [options.postgresSettings]
 * @returns {Promise<Servers>}
 */
export async function startServers({ postgresSettings = {} } = {}) {
  const plan = obtainPrograms();
  /** @type {(() => Promise<void> | void)[]} */
  const closers = [];
  const stop = async () => {
    for (const close of closers.reverse()) await close();
    closers.length = 0;
  };

  try {
    const folder = makeRunFolder();
    closers.push(() => removeFolder(folder));
    const inContainers = (/** @type {const} */ (['redis', 'postgres'])).filter((kind) => plan[kind].way === 'docker');
    const containers = inContainers.length > 0 ? await startContainers(inContainers, folder) : undefined;
    if (containers) closers.push(containers.stop);

    const redis = async () => {
      if (plan.redis.way === 'url') return plan.redis.url;
      if (plan.redis.way === 'docker') return String(containers?.redis);
      const redisFolder = path.join(folder, 'redis');
      mkdirSync(redisFolder);
      const server = await startRedis({ binary: plan.redis.path, folder: redisFolder });
      closers.push(() => server.stop());
      return server.url;
    };
    const postgres = async () => {
      if (plan.postgres.way === 'url') return { url: plan.postgres.url };
      if (plan.postgres.way === 'docker') return { url: String(containers?.postgres) };
      const clusterFolder = makeClusterFolder(folder);
      closers.push(() => removeFolder(clusterFolder));
      const server = await startPostgres({ bin: plan.postgres.path, folder: clusterFolder, settings: postgresSettings });
      closers.push(() => server.stop());
      return { url: server.url, log: server.log };
    };

    const [redisUrl, { url: databaseUrl, log }] = await Promise.all([redis(), postgres()]);
    const env = { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, ...(log && { SPILLWAY_POSTGRES_LOG: log }) };
    return { env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns {Extract<import('./plan.mjs').Plan, { act: 'use' }>} */
function obtainPrograms() {
  let plan = planServers(findFacts(process.env));
  if (plan.act === 'install') {
    installWithApt(plan.packages);
    const facts = findFacts(process.env);
    plan = planServers({ ...facts, canUseApt: false });
  }
  if (plan.act === 'use') return plan;
  throw new Error(plan.act === 'give up' ? plan.message : explainMissing(['redis', 'postgres']));
}
