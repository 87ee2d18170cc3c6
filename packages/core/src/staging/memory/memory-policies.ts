import type { RowKey } from '../../change/row-key.js';
import { worst } from '../leave-state.js';
import type { LeaveState, Refusal, StagedPolicies, StageGroup, StageUnit } from '../stage-side.js';
import type { MemoryShard } from './memory-shard.js';

/** The changes of a unit that belong to one shard, or a hold. */
export type ShardChanges = StageUnit & Pick<StageGroup, 'rules'>;

/** Why an entity's policy refuses a call; `undefined`: none does. A policy without pending changes gives way. */
export function otherPolicy(shard: MemoryShard, call: ShardChanges): Refusal | undefined {
  for (const [entity, { rowKey, policy }] of policiesIn(call)) {
    const known = shard.policies.get(entity);
    if (known === 'left') return { rowKey, reason: 'left' };
    if (known !== undefined && known.policy !== policy && isPending(shard, entity)) return { rowKey, reason: 'policy' };
  }
  return undefined;
}

export function notePolicies(shard: MemoryShard, call: ShardChanges, nowMs: number): void {
  for (const [entity, { policy }] of policiesIn(call)) shard.policies.set(entity, { policy, stagedAtMs: nowMs });
}

/** True if a change of the entity is staged or held. */
function isPending(shard: MemoryShard, entity: string): boolean {
  return (shard.pending.get(entity) ?? 0) > 0 || shard.heldOf(entity) > 0;
}

function policiesIn({ changes, rules }: ShardChanges): ReadonlyMap<string, { rowKey: RowKey; policy: string }> {
  const found = new Map<string, { rowKey: RowKey; policy: string }>();
  for (const { entity, rowKey } of changes) {
    const policy = rules[entity]?.policy;
    if (policy !== undefined && !found.has(entity)) found.set(entity, { rowKey, policy });
  }
  return found;
}

export class MemoryPolicies implements StagedPolicies {
  readonly #shards: ReadonlyMap<number, MemoryShard>;
  readonly #now: () => number;

  constructor(shards: ReadonlyMap<number, MemoryShard>, now: () => number) {
    this.#shards = shards;
    this.#now = now;
  }

  async leave(entities: readonly string[], quietMs: number): Promise<ReadonlyMap<string, LeaveState>> {
    const shards = [...this.#shards.values()];
    const states = new Map(
      entities.map((entity) => [entity, worst(shards.map((shard) => this.#stateOf(shard, entity, quietMs)))]),
    );
    for (const [entity, state] of states) {
      if (state === 'left') for (const shard of shards) shard.policies.set(entity, 'left');
    }
    return states;
  }

  async rejoin(entities: readonly string[]): Promise<void> {
    for (const shard of this.#shards.values())
      for (const entity of entities) if (shard.policies.get(entity) === 'left') shard.policies.delete(entity);
  }

  #stateOf(shard: MemoryShard, entity: string, quietMs: number): LeaveState {
    const known = shard.policies.get(entity);
    if (known === 'left') return 'left';
    if (isPending(shard, entity)) return 'pending';
    return known !== undefined && this.#now() - known.stagedAtMs < quietMs ? 'staged' : 'left';
  }
}
