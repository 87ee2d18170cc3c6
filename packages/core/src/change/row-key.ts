import { crc32 } from 'node:zlib';

/**
 * Names one row of one table: a JSON array of schema, table and the texts of its primary key, so that no content of a
 * key can be taken for another key. The texts are canonical for the column's type (see `mikro-orm/values/key-text.ts`):
 * one row has one row key, or its changes would overtake each other.
 */
export type RowKey = string & { readonly rowKey: unique symbol };

export interface RowAddress {
  readonly schema: string;
  readonly table: string;
  readonly key: readonly string[];
}

export function rowKeyOf(address: RowAddress): RowKey {
  return JSON.stringify([address.schema, address.table, ...address.key]) as RowKey;
}

/** A list of at least three texts in which nothing is escaped: most row keys. */
const PLAIN = /^\["[^"\\\p{Cc}]*"(?:,"[^"\\\p{Cc}]*"){2,}\]$/u;

/** @throws SyntaxError for a text that is no row key. */
export function parseRowKey(rowKey: string): RowAddress {
  const parts: unknown = PLAIN.test(rowKey) ? rowKey.slice(2, -2).split('","') : JSON.parse(rowKey);
  if (!Array.isArray(parts) || parts.length < 3 || !parts.every((part) => typeof part === 'string')) {
    throw new SyntaxError(`Not a row key: ${rowKey}`);
  }
  const [schema, table, ...key] = parts as [string, string, ...string[]];
  return { schema, table, key };
}

/** The key of a row for a log or a message. A malformed row key, which Redis may contain, is shown unchanged. */
export function keyText(rowKey: string): string {
  try {
    return parseRowKey(rowKey).key.join(', ');
  } catch {
    return `'${rowKey}' (which is no row key)`;
  }
}

/**
 * How many shards a namespace gets that is made without the option `shards`. One connection of a worker writes a shard
 * at a time, so this is more than the connections that usually write. Every shard that a flush touches costs two calls
 * of Redis, whatever it holds. See docs/decisions/0061.
 */
export const SHARDS_OF_NEW_NAMESPACES = 16;

/**
 * The shard that holds a row: CRC-32 (IEEE 802.3) of the row key's UTF-8 bytes, modulo the number of shards. It must
 * never change: two processes that disagree would give one row two records. CRC-32 is in Node itself and spreads keys
 * as evenly as murmur3 does (see the test).
 */
export function shardOf(rowKey: RowKey, shards: number): number {
  return crc32(rowKey) % shards;
}

/** Names a table as the metadata does, unquoted. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** The table's name as one text. No character of a name can be taken for a separator: `["public","product"]`. */
export function tableText({ schema, table }: TableName): string {
  return JSON.stringify([schema, table]);
}

/** How the row keys of the table begin: `["public","product",`. */
export function beginningOfRowKeys(table: TableName): string {
  return `${tableText(table).slice(0, -1)},`;
}

/** The name of the table of an entity, as its metadata has it. */
export function tableOf({ table }: { readonly table: { readonly schema: string; readonly name: string } }): TableName {
  return { schema: table.schema, table: table.name };
}

/** A test that is true for rows of one of the tables. */
export function isInTables(tables: readonly TableName[]): (rowKey: RowKey) => boolean {
  const names = new Set(tables.map(tableText));
  return (rowKey) => names.has(tableText(parseRowKey(rowKey)));
}

/** The tables of rows, each once. */
export function tablesOf(keys: readonly RowKey[]): readonly TableName[] {
  const tables = keys.map((key): TableName => {
    const { schema, table } = parseRowKey(key);
    return { schema, table };
  });
  return [...new Map(tables.map((table) => [tableText(table), table])).values()];
}
