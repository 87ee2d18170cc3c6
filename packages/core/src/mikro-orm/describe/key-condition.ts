import { Utils } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { keyRow } from './entity-key.js';
import type { WriteBehindType } from './write-behind-type.js';

/** The condition with which MikroORM asks its driver for rows by key. */
export function keyCondition(type: WriteBehindType, keys: readonly RowKey[]): Record<string, unknown> {
  const rows = keys.map((key) => keyRow(type, key));
  const [row = {}] = rows;
  if (rows.length === 1) return row;
  const { primaryKeys } = type.meta;
  const tuples = rows.map((each) => primaryKeys.map((name) => each[name]));
  return {
    [Utils.getPrimaryKeyHash([...primaryKeys])]: { $in: primaryKeys.length === 1 ? tuples.flat() : tuples },
  };
}
