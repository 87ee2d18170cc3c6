import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { aligned } from './table.js';

/** The parts of a profile of Node that are read here. */
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
}

/** Whose a function is, by its file; the first that fits. Node and V8, which work for all of them, come last. */
const OWNERS: readonly (readonly [string, RegExp])[] = [
  ['Spillway', /\/packages\/core\/(dist|src)\//u],
  ['MikroORM', /\/@mikro-orm\//u],
  ['ioredis', /\/ioredis\/|\/redis-parser\//u],
  ['pg', /\/pg[\w-]*\//u],
  ['msgpackr', /\/msgpackr\//u],
  ['kysely', /\/kysely\//u],
  ['the benchmark', /\/test\/bench\//u],
  ['Node', /^node:/u],
];

/** Where the time of Node has gone in the last round of each side, in percent, as lines. */
export function whereTimeGoes(folder: string): readonly string[] {
  const sides = readdirSync(folder)
    .filter((file) => file.endsWith('.cpuprofile'))
    .toSorted()
    .map((file) => [basename(file, '.cpuprofile'), sharesOf(readProfile(join(folder, file)))] as const);
  const owners = [...new Set(sides.flatMap(([, shares]) => [...shares.keys()]))].toSorted();
  const rows = sides.map(([side, shares]) => [side, ...owners.map((owner) => percent(shares.get(owner)))]);
  return aligned([['where Node spends its time', ...owners], ...rows]);
}

function readProfile(path: string): Profile {
  return JSON.parse(readFileSync(path, 'utf8')) as Profile;
}

/** Owner -> its share of all time. Idle time is part of it. */
export function sharesOf({ nodes, samples, timeDeltas }: Profile): ReadonlyMap<string, number> {
  const owners = new Map(nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]));
  const all = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  const shares = new Map<string, number>();
  for (const [at, id] of samples.entries()) {
    const owner = owners.get(id) ?? 'V8';
    shares.set(owner, (shares.get(owner) ?? 0) + (timeDeltas[at] ?? 0) / all);
  }
  return shares;
}

function ownerOf({ functionName, url }: Frame): string {
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(garbage collector)') return 'garbage';
  // V8's own work for promises, texts and numbers has no file.
  return OWNERS.find(([, files]) => files.test(url))?.[0] ?? (url === '' ? 'V8' : 'others');
}

function percent(share = 0): string {
  return `${(100 * share).toFixed(1)} %`;
}
