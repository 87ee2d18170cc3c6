import type { LetterId } from '../../src/wire.js';

/** Names a dead letter among those of all shards. */
export function nameOf({ shard, id }: LetterId): string {
  return `${shard}/${id}`;
}
