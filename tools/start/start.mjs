/** The course of `npm start`: which examples run, where, and what is said. The acts themselves are given to it. */
import { NoServers } from '../servers/no-servers.mjs';

/**
 * @typedef {object} Acts
 * @property {() => Promise<import('../servers/servers.mjs').Servers>} startServers
 * @property {typeof import('../servers/redis-nodes.mjs').startRedisNodes} startRedisNodes
 * @property {typeof import('../servers/redis-sentinels.mjs').startRedisSentinels} startRedisSentinels
 * @property {(name: string, args: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>} runExample its exit
 * code
 * @property {(line: string) => void} say
 */

/**
 * Two examples: a page counter, then a shop on live traffic whose processes are killed. With arguments
 * the shop runs alone, since they are the shop's. It also runs alone on servers that REDIS_URL or DATABASE_URL name,
 * because the page counter would leave a table behind there.
 *
 * With `--topology nodes` the shop stages on three Redis servers, of which one is killed and comes back; with `cluster`
 * they are a Redis Cluster; with `single` on one that is killed; with `sentinel` on a primary that is killed, and whose
 * place a replica takes. With `--durability` the shop stages on servers that can give it.
 *
 * Without servers, and without a way to get any, the shop runs in one process on embedded ones, unless the user has
 * named servers, or has asked for several: then their absence is an error.
 *
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {Acts} acts
 * @returns {Promise<number>} the exit code
 */
export async function start(args, env, { startServers, startRedisNodes, startRedisSentinels, runExample, say }) {
  if (args.includes('--embedded')) return runExample('shop', args, env);
  const { topology, durability } = stagingIn(args);
  const named = ['REDIS_URL', 'DATABASE_URL'].some((name) => env[name] !== undefined);
  const servers = await startServers().catch((/** @type {unknown} */ error) => {
    if (named || topology !== 'one' || !(error instanceof NoServers)) throw error;
    say(explainEmbedded(error.missing));
  });
  if (servers === undefined) return runExample('shop', ['--embedded', ...args], env);
  /** Redis servers for this run alone, which may be killed, and the variable that names them. */
  const startOwn = async () => {
    if (topology === 'sentinel') {
      const { stop, ...redis } = await startRedisSentinels(durability === 'fsynced' ? { appendfsync: 'always' } : {});
      return { env: { SPILLWAY_SHOP_SENTINELS: JSON.stringify(redis) }, stop };
    }
    const { nodes, stop } = await startRedisNodes(topology === 'single' ? 1 : 3, {
      replicas: durability === 'replicated' || (topology === 'cluster' && durability === undefined),
      isCluster: topology === 'cluster',
    });
    return { env: { SPILLWAY_SHOP_NODES: JSON.stringify(nodes) }, stop };
  };
  try {
    const withServers = { ...env, ...servers.env };
    if (topology !== 'one') {
      const own = await startOwn();
      try {
        return await runExample('shop', args, { ...withServers, ...own.env });
      } finally {
        await own.stop();
      }
    }
    if (args.length > 0 || named) return await runExample('shop', args, withServers);
    say('examples/standalone:');
    const failed = await runExample('standalone', [], withServers);
    if (failed) return failed;
    say('\nexamples/shop:');
    return await runExample('shop', [], withServers);
  } finally {
    await servers.stop();
  }
}

/**
 * What the arguments say of staging. The shop refuses what it does not know. `one`: on the Redis that is there.
 *
 * @param {readonly string[]} args
 */
function stagingIn(args) {
  const durability = valueOf(args, '--durability');
  return { durability, topology: valueOf(args, '--topology') ?? (durability === undefined ? 'one' : 'single') };
}

/**
 * @param {readonly string[]} args
 * @param {string} name
 */
function valueOf(args, name) {
  const at = args.indexOf(name);
  return at >= 0 ? args[at + 1] : args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** @param {string} missing */
function explainEmbedded(missing) {
  const reason = missing.charAt(0).toUpperCase() + missing.slice(1);
  return `${reason}: the shop runs in one process, on PGlite and on staging in memory (npm start -- --embedded).`;
}
