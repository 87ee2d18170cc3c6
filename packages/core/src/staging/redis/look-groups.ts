import { type RowKey, shardOf } from '../../change/row-key.js';
import { partsOf } from './parts-of.js';

/** One caller's question about rows, and the answers so far. */
export interface Asked<Answer> {
  /** Empty where the answer does not depend on it. */
  readonly table: string;
  readonly keys: readonly RowKey[];
  readonly found: Map<RowKey, Answer>;
}

/** Rows of one shard and one table, each with the question that it is of. The same row may stand there twice. */
export interface RowGroup<Answer> {
  readonly shard: number;
  readonly table: string;
  readonly rows: readonly AskedRow<Answer>[];
}

interface AskedRow<Answer> {
  readonly key: RowKey;
  readonly of: Asked<Answer>;
}

/** The rows of these questions in groups. */
export function groupsOf<Answer>(asked: readonly Asked<Answer>[], shards: number): readonly RowGroup<Answer>[] {
  const groups = new Map<
    string,
    { readonly shard: number; readonly table: string; readonly rows: AskedRow<Answer>[] }
  >();
  for (const of of asked)
    for (const key of of.keys) {
      const shard = shardOf(key, shards);
      const name = `${shard} ${of.table}`;
      const group = groups.get(name);
      if (group) group.rows.push({ key, of });
      else groups.set(name, { shard, table: of.table, rows: [{ key, of }] });
    }
  return [...groups.values()];
}

/** The groups as calls of bounded size: no call keeps Redis busy for long. */
export function callsOf<Answer>(
  groups: readonly RowGroup<Answer>[],
  mostRows: number,
): readonly (readonly RowGroup<Answer>[])[] {
  const calls: RowGroup<Answer>[][] = [];
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
