import { worst } from '../leave-state.js';
import type { LeaveState, StagedPolicies } from '../stage-side.js';
import { type ShardScripts, text } from './shard-scripts.js';

/**
 * Looks at all shards first, then leaves them. Another process may stage in one shard while the others are being left.
 * They stay left, and refuse the entity from then on: to undo that could undo it for a process that has left all shards
 * meanwhile. The changes that were staged are written before the last shard is left.
 */
export class RedisPolicies implements StagedPolicies {
  readonly #scripts: ShardScripts;

  constructor(scripts: ShardScripts) {
    this.#scripts = scripts;
  }

  async leave(entities: readonly string[], quietMs: number): Promise<ReadonlyMap<string, LeaveState>> {
    const looked = await this.#run('look', entities, quietMs);
    const free = entities.filter((entity) => looked.get(entity) === 'left');
    if (free.length === 0) return looked;
    return new Map([...looked, ...(await this.#run('leave', free, quietMs))]);
  }

  async rejoin(entities: readonly string[]): Promise<void> {
    await this.#run('rejoin', entities, 0);
  }

  async #run(
    act: 'look' | 'leave' | 'rejoin',
    entities: readonly string[],
    quietMs: number,
  ): Promise<ReadonlyMap<string, LeaveState>> {
    const replies = await this.#scripts.everyShard(async (shard) =>
      this.#scripts.run('leave', shard, [act, quietMs, ...entities]),
    );
    return new Map(
      entities.map((entity, index) => [
        entity,
        // A shard that was never adopted holds nothing.
        worst(replies.map((reply) => text(reply[index + 1] ?? 'left') as LeaveState)),
      ]),
    );
  }
}
