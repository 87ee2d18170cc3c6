import { type RowKey, shardOf } from '../../change/row-key.js';

/** Most rows of one call: no call keeps Redis busy for long, or has more arguments than Redis takes. */
export const ROWS_PER_CALL = 2_000;

/** Asks for rows in parts. All shards at once; the parts of a shard one after the other, so each has its full time. */
export async function inPartsOf(
  keys: readonly RowKey[],
  shards: number,
  act: (shard: number, part: readonly RowKey[]) => Promise<void>,
): Promise<void> {
  return inPartsBy(keys, (key) => key, shards, act);
}

/** The same for items that have a row. */
export async function inPartsBy<T>(
  items: readonly T[],
  rowOf: (item: T) => RowKey,
  shards: number,
  act: (shard: number, part: readonly T[]) => Promise<void>,
): Promise<void> {
  const byShard = Map.groupBy(items, (item) => shardOf(rowOf(item), shards));
  await Promise.all(
    [...byShard].map(async ([shard, ofShard]) => {
      for (const part of partsOf(ofShard)) await act(shard, part);
    }),
  );
}

export function partsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / ROWS_PER_CALL);
  return Array.from({ length: count }, (_, part) => items.slice(part * ROWS_PER_CALL, (part + 1) * ROWS_PER_CALL));
}
