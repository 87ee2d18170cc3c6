import type { RedisClusterOptions, RedisNodes } from '@spillway/core';
import type { Topology } from '../run/arguments.js';

/** A Redis of several, as `npm start -- --topology nodes` or `--topology cluster` has started it. */
export interface StartedNode {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

export function nodesIn(env: NodeJS.ProcessEnv): readonly StartedNode[] {
  const json = env['SPILLWAY_SHOP_NODES'];
  if (json === undefined)
    throw new Error('The servers of --topology nodes and --topology cluster are started by `npm start`.');
  return JSON.parse(json) as readonly StartedNode[];
}

/** The servers as `spillway()` is given them. */
export function asOption(nodes: readonly StartedNode[], topology: Topology): RedisNodes | RedisClusterOptions {
  if (topology === 'cluster') return { cluster: nodes.map(({ url }) => url) };
  return { nodes: nodes.map(({ name, url }) => ({ name, redis: url })) };
}
