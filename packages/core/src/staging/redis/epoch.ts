/**
 * The layout of keys, records and copies. It is a part of the epoch, so that a release with another layout is refused
 * at its next call. Layout 1 stands in no epoch; its shards are converted.
 *
 * - 1: each staged change drops the copy of its row
 * - 2: copies outlive staged changes, and the end of a batch drops them or carries them on
 */
export const LAYOUT = 2;

/** The generation of the map in which one server has all shards. */
export const MAP_OF_ONE_SERVER = '1';

/** That of a Redis Cluster: a process that knows one of its servers alone, or nodes, has another one. */
export const MAP_OF_CLUSTER = 'cluster';

/** The map and the database that a shard is staged for, as they stand in the chain of the shard. */
export interface EpochOf {
  /** Generation of the shard map; all processes must agree on it. */
  readonly epoch: string;
  readonly shards: number;
  /** Whose changes these are. All processes must agree on it too. */
  readonly database?: string | undefined;
}

/** Ends the epoch of a shard while another map takes its place, and for ever if that map does not have it there. */
const MOVING = '>';

export function epochText(of: EpochOf): string {
  return `${LAYOUT}.${olderEpochText(of)}`;
}

/** The epoch that a release of the older layout would have. */
export function olderEpochText({ epoch, shards, database }: EpochOf): string {
  return [epoch, shards, ...(database === undefined ? [] : [database])].join('/');
}

/** The same map, for the one process that moves its shards: every other one is refused. */
export function moving(of: EpochOf): EpochOf {
  return { ...of, epoch: of.epoch + MOVING };
}

export function isMoving(text: string): boolean {
  return text.split('/')[0]?.endsWith(MOVING) === true;
}

/** The layout of an epoch as it stands in a chain. */
export function layoutOf(text: string): number {
  return Number(/^(\d+)\./u.exec(text)?.[1] ?? 1);
}
