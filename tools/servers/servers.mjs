/**
 * The servers of one run: a Redis and a PostgreSQL of its own, on free ports, gone with the run. Whatever else runs on
 * this machine is never touched; `REDIS_URL`, `VALKEY_SERVER` or `DRAGONFLY_URL`, and `DATABASE_URL`, name servers to
 * use instead.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { installWithApt } from './apt.mjs';
import { startDragonfly } from './dragonfly.mjs';
import { startContainers } from './docker.mjs';
import { findFacts } from './find.mjs';
import { NoServers } from './no-servers.mjs';
import { programVariable } from './named-redis.mjs';
import { kinds, planServers } from './plan.mjs';
import { makeClusterFolder, startPostgres } from './postgres.mjs';
import { startRedis } from './redis.mjs';
import { makeRunFolder, removeFolder } from './run-folder.mjs';

/**
 * @typedef {object} Servers
 * @property {ServerEnv} env for the command that uses them
 * @property {() => Promise<void>} stop ends what was started here, and removes its data
 */

/**
 * @typedef {object} ServerEnv
 * @property {string} REDIS_URL
 * @property {string} DATABASE_URL
 * @property {string} [SPILLWAY_REDIS_PROGRAM] the program of a Redis that was started here
 * @property {string} [SPILLWAY_POSTGRES_LOG] the log of a PostgreSQL that was started here
 */

/**
 * The servers that a run has started so far, and how to undo each, last first.
 *
 * @typedef {object} Run
 * @property {string} folder
 * @property {(() => Promise<void> | void)[]} undo
 */

/**
 * @param {object} [options]
 * @param {Readonly<Record<string, string>>} [options.postgresSettings] as in postgresql.conf
 * @returns {Promise<Servers>}
 * @throws NoServers if there is none to use, and none can be installed
 */
export async function startServers({ postgresSettings = {} } = {}) {
  const sources = obtainSources();
  const folder = makeRunFolder();
  /** @type {Run} */
  const run = { folder, undo: [() => removeFolder(folder)] };
  const stop = async () => {
    for (const undo of run.undo.splice(0).toReversed()) await undo();
  };
  try {
    const containers = await containersOf(sources, run);
    const redis = await redisOf(sources.redis, run);
    const postgres = await postgresOf(sources.postgres, run, postgresSettings);
    return { env: { ...containers, ...redis, ...postgres }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function obtainSources() {
  const facts = findFacts(process.env);
  let plan = planServers(facts);
  if (plan.act === 'install') {
    install(plan.packages);
    plan = planServers({ ...findFacts(process.env), canUseApt: false });
  }
  if (plan.act === 'use') return plan;
  if (plan.act === 'give up') throw new NoServers(plan.missing, plan.message);
  throw new Error('apt-get has installed the servers, and they are not found.');
}

/** @param {readonly string[]} packages */
function install(packages) {
  try {
    installWithApt(packages);
  } catch (cause) {
    const { message } = /** @type {Error} */ (cause);
    throw new NoServers(`apt-get cannot install ${packages.join(' and ')}`, message, { cause });
  }
}

/**
 * The address that a kind of server has in the environment; empty for what is started in another way.
 *
 * @param {import('./plan.mjs').UsePlan} sources
 * @param {Run} run
 * @returns {Promise<ServerEnv>}
 * @throws NoServers if Docker cannot start them, for want of their images for example
 */
async function containersOf(sources, run) {
  const inContainers = kinds.filter((kind) => sources[kind].way === 'docker');
  if (inContainers.length === 0) return { REDIS_URL: '', DATABASE_URL: '' };
  const containers = await startContainers(inContainers, run.folder).catch((/** @type {Error} */ cause) => {
    throw new NoServers(`Docker cannot start ${inContainers.join(' and ')}`, cause.message, { cause });
  });
  run.undo.push(containers.stop);
  return { REDIS_URL: containers.redis, DATABASE_URL: containers.postgres };
}

/**
 * @param {import('./plan.mjs').RedisSource} source
 * @param {Run} run
 * @returns {Promise<Partial<ServerEnv>>}
 */
async function redisOf(source, run) {
  if (source.way === 'url') return { REDIS_URL: source.url };
  if (source.way === 'docker') return {};
  const folder = path.join(run.folder, 'redis');
  mkdirSync(folder);
  if (source.way === 'dragonfly') {
    const server = await startDragonfly({ binary: source.path, folder });
    run.undo.push(() => server.stop());
    return { REDIS_URL: server.url, ...(source.program !== undefined && { [programVariable]: source.program }) };
  }
  const server = await startRedis({ binary: source.path, folder });
  run.undo.push(() => server.stop());
  return { REDIS_URL: server.url, [programVariable]: source.path };
}

/**
 * @param {import('./plan.mjs').Source} source
 * @param {Run} run
 * @param {Readonly<Record<string, string>>} settings
 * @returns {Promise<Partial<ServerEnv>>}
 */
async function postgresOf(source, run, settings) {
  if (source.way === 'url') return { DATABASE_URL: source.url };
  if (source.way === 'docker') return {};
  const folder = makeClusterFolder(run.folder);
  run.undo.push(() => removeFolder(folder));
  const server = await startPostgres({ bin: source.path, folder, settings });
  run.undo.push(() => server.stop());
  return { DATABASE_URL: server.url, SPILLWAY_POSTGRES_LOG: server.log };
}
