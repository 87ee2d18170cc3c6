import type { RowKey } from '../../change/row-key.js';
import { shardOf } from '../../change/shard.js';
import { tableText, type TableName } from '../../change/table-name.js';
import type { CacheAnswer } from '../row-cache.js';
import { partsOf } from './parts-of.js';

/** One caller's look-up: the rows of a table, and the answers so far. */
export interface LookUp {
  readonly table: TableName;
  readonly keys: readonly RowKey[];
  readonly found: Map<RowKey, CacheAnswer>;
}

/** Rows of one shard and one table, each with the look-up that asks for it. The same row may stand there twice. */
export interface LookGroup {
  readonly shard: number;
  readonly table: string;
  readonly rows: readonly LookRow[];
}

export interface LookRow {
  readonly key: RowKey;
  readonly of: LookUp;
}

/** The rows of these look-ups in groups. */
export function groupsOf(lookUps: readonly LookUp[], shards: number): readonly LookGroup[] {
  const groups = new Map<string, { readonly shard: number; readonly table: string; readonly rows: LookRow[] }>();
  for (const of of lookUps) {
    const table = tableText(of.table);
    for (const key of of.keys) {
      const shard = shardOf(key, shards);
      const name = `${shard} ${table}`;
      const group = groups.get(name);
      if (group) group.rows.push({ key, of });
      else groups.set(name, { shard, table, rows: [{ key, of }] });
    }
  }
  return [...groups.values()];
}

/** The groups as calls of bounded size: no call keeps Redis busy for long. */
export function callsOf(groups: readonly LookGroup[], mostRows: number): readonly (readonly LookGroup[])[] {
  const calls: LookGroup[][] = [];
  let left = 0;
  for (const group of groups)
    for (const rows of partsOf(group.rows)) {
      if (rows.length > left) {
        calls.push([]);
        left = mostRows;
      }
      left -= rows.length;
      calls.at(-1)?.push({ ...group, rows });
    }
  return calls;
}
