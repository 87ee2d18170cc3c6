import type pg from 'pg';
import { columnsOf, columnsOfItems, type ItemValues } from '../item.js';
import { recordOfItems } from '../items.js';

/** A job: a row's key, and the values that it is to have. */
export interface ItemJob {
  readonly id: number;
  readonly values: Partial<ItemValues>;
}

const names = Object.keys(columnsOfItems);
/** No column can be null, so null stands for a value that the job does not have. */
const text = `
  update item set ${names.map((name) => `${name} = coalesce(row.${name}, item.${name})`).join(', ')},
    version = item.version + 1
  from json_to_recordset($1) as row(id int, ${recordOfItems()})
  where item.id = row.id`;

/** One statement for all rows of the batch; a later job of a row goes over an earlier one. */
export async function writeItems(client: pg.PoolClient, batch: readonly ItemJob[]): Promise<void> {
  const rows = new Map<number, Partial<ItemValues>>();
  for (const { id, values } of batch) rows.set(id, { ...rows.get(id), ...values });
  const given = [...rows].map(([id, values]) => ({ id, ...columnsOf(values as ItemValues) }));
  await client.query({ name: 'items', text, values: [JSON.stringify(given)] });
}
