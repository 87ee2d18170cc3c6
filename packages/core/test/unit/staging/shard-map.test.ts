import { describe, expect, it, test } from 'vitest';
import { ShardMap } from '../../../src/staging/nodes/shard-map.js';

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, place) => `redis-${place}.example:6379/0`);
}

/** The largest and the smallest share, as parts of an even one. */
function spread(map: ShardMap): readonly [number, number] {
  const sizes = map.nodes.map((name) => map.shardsOf(name).length);
  const even = map.shards / map.nodes.length;
  return [Math.max(...sizes) / even, Math.min(...sizes) / even];
}

/** How many shards two maps give to different nodes. */
function moved(one: ShardMap, other: ShardMap): number {
  const shards = [...Array(one.shards).keys()];
  return shards.filter((shard) => one.nodes[one.placeOf(shard)] !== other.nodes[other.placeOf(shard)]).length;
}

describe('a map of shards', () => {
  it.each([
    [2, 16],
    [3, 16],
    [4, 16],
    [1, 16],
    [16, 16],
    [10, 256],
    [1_000, 4_096],
  ])('gives each of %i nodes about its part of %i shards', (nodes, shards) => {
    const [most, least] = spread(new ShardMap(names(nodes), shards));
    expect(most).toBeLessThanOrEqual(1.25);
    expect(least).toBeGreaterThanOrEqual(1 / 1.25);
  });

  it('gives each shard to one node', () => {
    const map = new ShardMap(names(7), 64);
    const all = map.nodes.flatMap((name) => map.shardsOf(name));
    expect(all.toSorted((one, other) => one - other)).toEqual([...Array(64).keys()]);
    for (const [place, name] of map.nodes.entries())
      for (const shard of map.shardsOf(name)) expect(map.placeOf(shard)).toBe(place);
  });

  it('does not depend on the order of the names', () => {
    const some = names(9);
    const [one, other] = [new ShardMap(some, 64), new ShardMap(some.toReversed(), 64)];
    expect(moved(one, other)).toBe(0);
    expect(other.fingerprint).toBe(one.fingerprint);
  });

  it('is the same for ever: what is staged stands where it says', () => {
    const map = new ShardMap(['a', 'b', 'c'], 16);
    expect(map.nodes.map((name) => map.shardsOf(name))).toEqual([
      [0, 3, 4, 10, 15],
      [2, 5, 6, 7, 8, 9],
      [1, 11, 12, 13, 14],
    ]);
    expect(map.fingerprint).toBe('6d9f6e5409471e40');
  });

  it.each([
    [16, 2],
    [16, 3],
    [4_096, 3],
    [4_096, 10],
    [4_096, 100],
  ])('leaves most of %i shards where they are when node %i is not the last any more', (shards, nodes) => {
    const [before, after] = [new ShardMap(names(nodes), shards), new ShardMap(names(nodes + 1), shards)];
    // What the new node takes has to move; no more than three times as many do.
    expect(moved(before, after)).toBeLessThanOrEqual((3 * shards) / (nodes + 1));
  });

  it('has another fingerprint with another node, another number of shards, or other shares', () => {
    const shares = new Map([
      ['a', [0, 1]],
      ['b', [2, 3]],
    ]);
    const crossed = new Map([
      ['a', [2, 3]],
      ['b', [0, 1]],
    ]);
    const maps = [
      new ShardMap(['a', 'b'], 4),
      new ShardMap(['a', 'c'], 4),
      new ShardMap(['a', 'b'], 5),
      new ShardMap(['a', 'b'], 4, shares),
      new ShardMap(['a', 'b'], 4, crossed),
    ];
    expect(new Set(maps.map(({ fingerprint }) => fingerprint)).size).toBeGreaterThanOrEqual(4);
    expect(maps[3]?.fingerprint).not.toBe(maps[4]?.fingerprint);
  });

  it('takes the shares that are given', () => {
    const map = new ShardMap(
      ['b', 'a'],
      3,
      new Map([
        ['a', [1]],
        ['b', [0, 2]],
      ]),
    );
    expect([0, 1, 2].map((shard) => map.nodes[map.placeOf(shard)])).toEqual(['b', 'a', 'b']);
  });
});

test('more nodes than shards are refused', () => {
  expect(() => new ShardMap(['a', 'b', 'c'], 2)).toThrow(
    'redis.nodes in the options of spillway() has 3 servers for 2 shards, so some would have nothing to do. Leave servers out, or give a new namespace more "shards"',
  );
});
