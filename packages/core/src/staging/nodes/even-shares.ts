import { createHash } from 'node:crypto';

/**
 * Gives each node its shards, by rendezvous hashing: each shard ranks all nodes, and goes to the first that has room.
 * Room is made so that two nodes differ by one shard at most. Sixteen shards are few: left to chance, one of four nodes
 * has twice as many as another.
 *
 * The shares depend on nothing but the names and the number of shards, in whatever order the names are given. They must
 * never change: what is staged stands where they say.
 *
 * @param names different from each other, at most as many as there are shards
 * @returns name -> shards, ascending
 */
export function evenShares(names: readonly string[], shards: number): ReadonlyMap<string, readonly number[]> {
  const nodes = names.toSorted(byUnits).map((name) => ({ name, seed: seedOf(name), shards: [] as number[] }));
  const least = Math.floor(shards / nodes.length);
  let extra = shards % nodes.length;
  for (let shard = 0; shard < shards; shard += 1) {
    let first: (typeof nodes)[number] | undefined;
    let most = -1;
    for (const node of nodes) {
      if (node.shards.length > least || (node.shards.length === least && extra === 0)) continue;
      const rank = mixed(node.seed, shard);
      if (rank > most) [first, most] = [node, rank];
    }
    if (first?.shards.length === least) extra -= 1;
    first?.shards.push(shard);
  }
  return new Map(nodes.map((node) => [node.name, node.shards]));
}

/** The same order in every process, whatever its language. */
export function byUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function seedOf(name: string): number {
  return createHash('sha1').update(name).digest().readUInt32BE(0);
}

/** The last step of murmur3, so that neighbouring shards rank nodes quite differently. */
function mixed(seed: number, shard: number): number {
  let hash = seed ^ Math.imul(shard + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
