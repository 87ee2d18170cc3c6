import { parseArgs } from 'node:util';
import { catalogue } from './catalogue.js';
import type { Measurement } from './measurement.js';

export interface Plan {
  readonly measurements: readonly Measurement[];
  readonly rounds: number;
  readonly scale: number;
  readonly seed: number;
  readonly isFull: boolean;
  /** Whether the names of all measurements are wanted, and nothing else. */
  readonly isList: boolean;
  readonly jsonFile?: string;
  readonly chartsFolder?: string;
  /** An older build of the package. */
  readonly againstFolder?: string;
  readonly dataFolder?: string;
  /** Gets a profile of each side. */
  readonly profileFolder?: string;
  /** What was typed. */
  readonly command: string;
}

export const usage = `npm run bench -- [options]

  --list             the names of all measurements
  --only P1,P3       these measurements
  --topology         the same as --only topology: one Redis server and several
  --rounds 5         rounds of each; a figure is the median of them
  --against DIR      an older build as well: a built checkout, an unpacked "npm pack", or a folder that has it installed
  --json FILE        all figures of all rounds
  --charts DIR       charts as SVG
  --profile DIR      profiles of Node, and where its time goes; the figures are slower then
  --data DIR         traffic of a real shop, for "orders"
  --full             the largest sizes too
  --scale 1          calls and rows are multiplied by it: 0.1 for a first look
  --seed 1           begins all random choices
`;

/** @throws Error that says which argument is wrong */
export function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      list: { type: 'boolean', default: false },
      only: { type: 'string' },
      topology: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      against: { type: 'string' },
      json: { type: 'string' },
      charts: { type: 'string' },
      data: { type: 'string' },
      profile: { type: 'string' },
      full: { type: 'boolean', default: false },
      scale: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
    },
  });
  const { json, charts, against, data, profile, topology } = values;
  const only = [...(values.only === undefined ? [] : [values.only]), ...(topology ? ['topology'] : [])];
  return {
    measurements: only.length === 0 ? catalogue : named(only.join()),
    rounds: numberOf('rounds', values.rounds, Number.isSafeInteger),
    scale: numberOf('scale', values.scale, Number.isFinite),
    seed: numberOf('seed', values.seed, Number.isSafeInteger),
    isFull: values.full,
    isList: values.list,
    command: ['npm run bench', ...(args.length === 0 ? [] : ['--']), ...args].join(' '),
    ...(json !== undefined && { jsonFile: json }),
    ...(charts !== undefined && { chartsFolder: charts }),
    ...(against !== undefined && { againstFolder: against }),
    ...(data !== undefined && { dataFolder: data }),
    ...(profile !== undefined && { profileFolder: profile }),
  };
}

function named(only: string): readonly Measurement[] {
  const names = only.split(',').map((name) => name.trim().toLowerCase());
  const unknown = names.filter((name) => !catalogue.some(({ id }) => id.toLowerCase() === name));
  if (unknown.length > 0)
    throw new Error(`There is no measurement ${unknown.join(', ')}. "npm run bench -- --list" shows the names.`);
  return catalogue.filter(({ id }) => names.includes(id.toLowerCase()));
}

function numberOf(option: string, text: string, isAllowed: (value: number) => boolean): number {
  const value = Number(text);
  if (text !== '' && isAllowed(value) && value > 0) return value;
  throw new Error(`--${option} is "${text}". It has to be a number above zero.`);
}
