/** A Redis of several, as `npm start -- --topology nodes` has started it. */
export interface StartedNode {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

export function nodesIn(env: NodeJS.ProcessEnv): readonly StartedNode[] {
  const json = env['SPILLWAY_SHOP_NODES'];
  if (json === undefined)
    throw new Error('The servers of --topology nodes are started by `npm start -- --topology nodes`.');
  return JSON.parse(json) as readonly StartedNode[];
}
