import { type RowKey, shardOf } from '../../change/row-key.js';
import type { ShardPlace } from './place.js';
import type { ShardPlaces } from './shard-places.js';
import type { IsSame } from './switch-shards.js';

/** The maps of a move. Nothing is pending in the old one, and every process but this one is refused there. */
export interface Move {
  readonly from: ShardPlaces;
  readonly to: ShardPlaces;
  /** True for a place of the new map where the same shard was before. */
  readonly isSame: IsSame;
}

/** Where a row's entry goes; `undefined`: it stays where it is. */
export function targetOf({ to, isSame }: Move, place: ShardPlace, row: RowKey | undefined): ShardPlace | undefined {
  const shard = row === undefined ? Math.min(place.shard, to.shards - 1) : shardOf(row, to.shards);
  const target = to.all[shard];
  return target && !(shard === place.shard && isSame(target)) ? target : undefined;
}
