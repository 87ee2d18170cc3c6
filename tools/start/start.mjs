/** The course of `npm start`: which examples run, where, and what is said. The acts themselves are given to it. */
import { NoServers } from '../servers/no-servers.mjs';

/**
 * @typedef {object} Acts
 * @property {() => Promise<import('../servers/servers.mjs').Servers>} startServers
 * @property {(count: number, options: { readonly isCluster: boolean }) =>
 *   Promise<import('../servers/redis-nodes.mjs').RedisNodes>} startRedisNodes
 * @property {(name: string, args: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>} runExample its exit
 * code
 * @property {(line: string) => void} say
 */

/**
 * Two examples: a page counter, then a shop on live traffic whose processes are killed. With arguments
 * the shop runs alone, since they are the shop's. It also runs alone on servers that REDIS_URL or DATABASE_URL name,
 * because the page counter would leave a table behind there.
 *
 * With `--topology nodes` the shop stages on three Redis servers, of which one is killed and comes back; with
 * `--topology cluster` they are a Redis Cluster.
 *
 * Without servers, and without a way to get any, the shop runs in one process on embedded ones, unless the user has
 * named servers, or has asked for several: then their absence is an error.
 *
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {Acts} acts
 * @returns {Promise<number>} the exit code
 */
export async function start(args, env, { startServers, startRedisNodes, runExample, say }) {
  if (args.includes('--embedded')) return runExample('shop', args, env);
  const named = ['REDIS_URL', 'DATABASE_URL'].some((name) => env[name] !== undefined);
  const servers = await startServers().catch((/** @type {unknown} */ error) => {
    if (named || topologyOf(args) !== undefined || !(error instanceof NoServers)) throw error;
    say(explainEmbedded(error.missing));
  });
  if (servers === undefined) return runExample('shop', ['--embedded', ...args], env);
  try {
    const withServers = { ...env, ...servers.env };
    const topology = topologyOf(args);
    if (topology !== undefined) {
      const redis = await startRedisNodes(3, { isCluster: topology === 'cluster' });
      try {
        return await runExample('shop', args, { ...withServers, SPILLWAY_SHOP_NODES: JSON.stringify(redis.nodes) });
      } finally {
        await redis.stop();
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
 * Which servers the arguments ask for beside those of every run.
 *
 * @param {readonly string[]} args
 */
function topologyOf(args) {
  return ['nodes', 'cluster'].find((name) =>
    args.some((arg, at) => arg === `--topology=${name}` || (arg === '--topology' && args[at + 1] === name)),
  );
}

/** @param {string} missing */
function explainEmbedded(missing) {
  const reason = missing.charAt(0).toUpperCase() + missing.slice(1);
  return `${reason}: the shop runs in one process, on PGlite and on staging in memory (npm start -- --embedded).`;
}
