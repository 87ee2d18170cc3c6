import { crc32 } from 'node:zlib';

/**
 * A worker's own order of the shards, by rendezvous hashing: each shard ranks all workers, and a worker begins with the
 * shards that rank it high. Workers need not know each other for that, and rarely meet. If two do, the database lets
 * one of them have the shard. The order affects only speed.
 */
export function rendezvousOrder(workerId: string, shards: number): readonly number[] {
  return Array.from({ length: shards }, (_, shard) => ({ shard, weight: mix(crc32(`${workerId}/${shard}`)) }))
    .toSorted((a, b) => b.weight - a.weight)
    .map(({ shard }) => shard);
}

/** murmur3's last step: CRC-32 is linear, so without it the weights of two workers would differ by a constant. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
