import type { StagedPolicies } from './stage-side.js';

/** `look` changes nothing. `leave` leaves each entity that it can. `rejoin` takes that back. */
export type LeaveAct = 'look' | 'leave' | 'rejoin';

/** @returns of each shard, whether it is left by each entity, or can be. One that was never adopted answers nothing */
export type EveryShard = (act: LeaveAct, entities: readonly string[], quietMs: number) => Promise<readonly boolean[][]>;

/**
 * Looks at all shards first, then leaves them. Another process may stage in one shard while the others are being left.
 * They stay left, and refuse the entity from then on: to undo that could undo it for a process that has left all shards
 * meanwhile. The changes that were staged are written before the last shard is left.
 */
export function leavingShards(everyShard: EveryShard): StagedPolicies {
  const inAll = async (...[act, entities, quietMs]: Parameters<EveryShard>): Promise<readonly string[]> => {
    const shards = await everyShard(act, entities, quietMs);
    return entities.filter((_, index) => shards.every((ofShard) => ofShard[index] !== false));
  };
  return {
    leave: async (entities, quietMs) => {
      const free = await inAll('look', entities, quietMs);
      return free.length === 0 ? free : inAll('leave', free, quietMs);
    },
    rejoin: async (entities) => void (await inAll('rejoin', entities, 0)),
  };
}
