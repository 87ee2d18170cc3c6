/** Redis servers for one run, as `npm start -- --topology` has started them. */
import type { RedisClusterOptions, RedisNodes, RedisTarget } from '@spillway/core';
import type { Arguments, Topology } from '../run/arguments.js';

/** Where changes are staged. */
export interface StagingPlace {
  readonly redis: RedisTarget | RedisNodes | RedisClusterOptions;
  /** A server that may be killed, and how that is said. */
  readonly victim?: { readonly name: string; readonly pid: number; readonly becomes: string };
}

interface StartedNode {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

interface StartedSentinels {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly name: string;
  readonly pid: number;
}

export function stagingPlace(
  { topology, durability }: Pick<Arguments, 'topology' | 'durability'>,
  env: NodeJS.ProcessEnv,
): StagingPlace {
  if (topology === 'one') return { redis: named(env, 'REDIS_URL', 'run `npm start`') };
  if (topology === 'sentinel') {
    const { sentinels, name, pid } = started(topology, env, 'SPILLWAY_SHOP_SENTINELS') as StartedSentinels;
    const victim = { name: 'the primary', pid, becomes: 'a replica takes its place' };
    return { redis: { sentinels: [...sentinels], name }, victim };
  }
  const nodes = started(topology, env, 'SPILLWAY_SHOP_NODES') as readonly StartedNode[];
  const isReplaced = topology === 'cluster' && durability === 'replicated';
  const [first] = nodes;
  if (first === undefined) throw new Error('There is no Redis to kill.');
  return {
    redis: topology === 'single' ? first.url : asOption(nodes, topology),
    victim: { ...first, becomes: isReplaced ? 'a replica takes its place' : 'it comes back by itself' },
  };
}

function started(topology: Topology, env: NodeJS.ProcessEnv, variable: string): unknown {
  const how = `the servers of --topology ${topology} are started by \`npm start -- --topology ${topology}\``;
  return JSON.parse(named(env, variable, how));
}

function named(env: NodeJS.ProcessEnv, variable: string, how: string): string {
  const value = env[variable];
  if (!value) throw new Error(`${variable} names the servers: set it, or ${how}.`);
  return value;
}

/** The servers as `spillway()` is given them. */
function asOption(nodes: readonly StartedNode[], topology: Topology): RedisNodes | RedisClusterOptions {
  if (topology === 'cluster') return { cluster: nodes.map(({ url }) => url) };
  return { nodes: nodes.map(({ name, url }) => ({ name, redis: url })) };
}
