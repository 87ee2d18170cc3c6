import { describe, expect, it } from 'vitest';
import { SLOTS, slotOfShard, slotOfTag, tagOfShard } from '../../../src/staging/cluster/hash-slot.js';

const range = (length: number): readonly number[] => Array.from({ length }, (_, at) => at);

/** How many shards each of some primaries has, whose slots follow one another in even parts. */
function loads(shards: number, primaries: number): readonly number[] {
  const ofPrimary = Map.groupBy(range(shards), (shard) => Math.floor((slotOfShard(shard, shards) * primaries) / SLOTS));
  return range(primaries).map((primary) => ofPrimary.get(primary)?.length ?? 0);
}

describe('the slots of shards', () => {
  it('are those that Redis finds in the braces of a key', () => {
    expect(slotOfTag('123456789')).toBe(0x31c3);
    expect(slotOfTag('user1000')).toBe(3443);
    expect(slotOfTag('')).toBe(0);
  });

  it('are in the middle of as many even parts', () => {
    expect([0, 1, 2, 3].map((shard) => slotOfShard(shard, 4))).toEqual([2048, 6144, 10_240, 14_336]);
    expect(new Set(range(4_096).map((shard) => slotOfShard(shard, 4_096))).size).toBe(4_096);
  });

  it.each([1, 3, 16, 64, 4_096])('lead from the tag of each of %i shards', (shards) => {
    for (const shard of range(shards))
      expect(slotOfTag(tagOfShard('shop', shard, shards))).toBe(slotOfShard(shard, shards));
  });

  it('have tags that never change: what is staged stands under them', () => {
    expect([0, 1, 63].map((shard) => tagOfShard('spillway', shard, 64))).toEqual([
      'spillway:0:8945',
      'spillway:1:7587',
      'spillway:63:4289',
    ]);
    expect(tagOfShard('größe', 2, 16)).toBe('größe:2:23301');
  });

  it.each(range(14).map((more) => more + 3))('of 64 shards load %i primaries evenly', (primaries) => {
    const each = loads(64, primaries);
    expect(Math.max(...each) / Math.min(...each)).toBeLessThanOrEqual(1.25);
  });
});
