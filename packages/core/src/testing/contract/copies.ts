import type { RowKey, TableName } from '../../change/row-key.js';
import type { CacheAnswer } from '../../staging/row-cache.js';
import type { Bench } from './bench.js';

export const PRODUCTS: TableName = { schema: 'public', table: 'product' };
export const TTL_MS = 60_000;

/** Answers with plain bytes, which tests can compare. */
export async function look(
  bench: Bench,
  row: RowKey = bench.row(0),
  table: TableName = PRODUCTS,
): Promise<CacheAnswer | undefined> {
  const answer = (await bench.store.cache.look(table, [row])).get(row);
  return answer?.kind === 'copy' ? { ...answer, bytes: Uint8Array.from(answer.bytes) } : answer;
}

export async function ticketFor(bench: Bench, row?: RowKey, table?: TableName): Promise<string> {
  const answer = await look(bench, row, table);
  if (answer?.kind !== 'ticket') throw new Error(`Expected a ticket, not ${JSON.stringify(answer)}`);
  return answer.ticket;
}

export async function fill(bench: Bench, ticket: string, copy: string, row: RowKey = bench.row(0)): Promise<number> {
  return bench.store.cache.keep(PRODUCTS, [{ rowKey: row, ticket, bytes: bytesOf(copy) }], TTL_MS);
}

/** Gives the row a copy. */
export async function copied(bench: Bench, copy = 'v5', row?: RowKey): Promise<void> {
  if ((await fill(bench, await ticketFor(bench, row), copy, row)) !== 1) throw new Error('The copy was refused');
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}
