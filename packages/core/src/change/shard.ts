import { crc32 } from 'node:zlib';
import type { RowKey } from './row-key.js';

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
