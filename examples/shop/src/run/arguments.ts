import { parseArgs } from 'node:util';
import type { Durability } from '@spillway/core';

export interface Arguments {
  readonly seconds: number;
  readonly seed: string;
  readonly json: boolean;
  readonly embedded: boolean;
  readonly topology: Topology;
  readonly durability: Durability;
}

/**
 * Where changes are staged: on the Redis that REDIS_URL names (`one`), on one that is killed (`single`), on three of
 * which one is killed (`nodes`, or those of a Redis Cluster: `cluster`), or on a primary that is killed, and whose
 * place a replica takes (`sentinel`).
 */
export type Topology = (typeof topologies)[number];

const topologies = ['one', 'single', 'nodes', 'cluster', 'sentinel'] as const;
const durabilities: readonly Durability[] = ['primary', 'replicated', 'fsynced'];

export const usage = `Usage: npm start -- [--seconds 20] [--seed 1] [--json] [--embedded | --topology single|nodes|cluster|sentinel]
                      [--durability primary|replicated|fsynced]
  --seconds  how long the shop is open; 3 to 3,600. Then plain MikroORM is visited, for a third of it
  --seed     decides the catalogue and the traffic
  --json     adds the figures as one JSON object, on the last line
  --embedded runs in one process, on PGlite and on staging in memory: without servers, and without accidents
  --topology single stages on a Redis server that is killed, and comes back; nodes on three, of which one is killed;
             cluster on the three of a Redis Cluster; sentinel on a primary that is killed, and whose place a replica
             takes
  --durability where a change has to be before a flush resolves; replicated with
             sentinel and cluster, else primary`;

/** @throws TypeError if an argument is unknown or outside its limits; its message says which. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      embedded: { type: 'boolean', default: false },
      topology: { type: 'string' },
      durability: { type: 'string' },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= 3 && seconds <= 3_600)) {
    throw new TypeError(`--seconds is "${values.seconds}"; it must be a number from 3 to 3600.`);
  }
  const { durability: asked } = values;
  const topology = oneOf('--topology', values.topology ?? (asked === undefined ? 'one' : 'single'), topologies);
  if (topology !== 'one' && values.embedded)
    throw new TypeError(`--topology ${topology} needs servers; leave --embedded out.`);
  const durability = oneOf('--durability', asked ?? (isReplaced(topology) ? 'replicated' : 'primary'), durabilities);
  return { ...values, topology, durability, seconds };
}

/** True where a replica takes the place of a server that is killed. */
function isReplaced(topology: Topology): boolean {
  return topology === 'sentinel' || topology === 'cluster';
}

function oneOf<Word extends string>(name: string, given: string, words: readonly Word[]): Word {
  const known = words.find((word) => word === given);
  if (known === undefined) throw new TypeError(`${name} is "${given}"; it must be one of ${words.join(', ')}.`);
  return known;
}
