import type { ShardRow } from '../../src/wire.js';
import { count, span } from '../format.js';

/** What the map of the shards shows by colour. */
export interface Measure {
  readonly name: string;
  readonly value: (shard: ShardRow) => number;
  readonly text: (value: number) => string;
}

export const MEASURES: readonly Measure[] = [
  { name: 'Pending', value: ([, , dirty, inFlight]) => dirty + inFlight, text: count },
  { name: 'Oldest waiting', value: ([, , , , , oldestMs]) => oldestMs, text: span },
  { name: 'Dead letters', value: ([, , , , dead]) => dead, text: count },
];

/** A step from 0 (nothing) to 5 (the most of all), by a root, so that few are told from none beside very many. */
export function stepOf(value: number, most: number): number {
  return value <= 0 || most <= 0 ? 0 : Math.min(5, 1 + Math.floor(Math.sqrt(value / most) * 4.999));
}

export function describe(
  [shard, server, dirty, inFlight, dead, oldestMs]: ShardRow,
  servers: readonly string[],
): string {
  return (
    `Shard ${shard} on ${servers[server] ?? 'an unknown server'}: ${count(dirty)} waiting, ${count(inFlight)} in flight, ` +
    `${count(dead)} dead${oldestMs > 0 ? `, the oldest for ${span(oldestMs)}` : ''}`
  );
}
