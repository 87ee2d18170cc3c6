import { crc32 } from 'node:zlib';
import type { RowKey } from './row-key.js';

/**
 * The shard that holds a row: CRC-32 (IEEE 802.3) of the row key's UTF-8 bytes, modulo the number of shards. It must
 * never change: two processes that disagree would give one row two records. CRC-32 is in Node itself and spreads keys
 * as evenly as murmur3 does (see the test).
 */
export function shardOf(rowKey: RowKey, shards: number): number {
  return crc32(rowKey) % shards;
}
