import { parseArgs } from 'node:util';

export interface Arguments {
  readonly seconds: number;
  readonly seed: string;
  readonly json: boolean;
  readonly embedded: boolean;
  /** `nodes`, `cluster`: changes are staged on three Redis servers, of which one is killed. */
  readonly topology: Topology;
}

const topologies = ['one', 'nodes', 'cluster'] as const;
export type Topology = (typeof topologies)[number];

export const usage = `Usage: npm start -- [--seconds 20] [--seed 1] [--json] [--embedded | --topology nodes|cluster]
  --seconds  how long the shop is open; 3 to 3,600. Then plain MikroORM is visited, for a third of it
  --seed     decides the catalogue and the traffic
  --json     adds the figures as one JSON object, on the last line
  --embedded runs in one process, on PGlite and on staging in memory: without servers, and without accidents
  --topology nodes stages on three Redis servers; one is killed, and comes back
  --topology cluster does so on the three servers of a Redis Cluster`;

/** @throws TypeError if an argument is unknown or outside its limits; its message says which. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      embedded: { type: 'boolean', default: false },
      topology: { type: 'string', default: 'one' },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= 3 && seconds <= 3_600)) {
    throw new TypeError(`--seconds is "${values.seconds}"; it must be a number from 3 to 3600.`);
  }
  const topology = topologies.find((name) => name === values.topology);
  if (topology === undefined) throw new TypeError(`--topology is "${values.topology}"; it must be nodes or cluster.`);
  if (topology !== 'one' && values.embedded)
    throw new TypeError(`--topology ${topology} needs servers; leave --embedded out.`);
  return { ...values, topology, seconds };
}
