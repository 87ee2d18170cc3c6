import type { RowKey } from '../../change/row-key.js';
import type { LeaveAct } from '../leave-shards.js';
import type { Refusal, StageGroup, StageUnit } from '../stage-side.js';
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

/** Leaves the entity, or lets it be staged again. Answers whether it is left, or could be. */
export function leaveIn(shard: MemoryShard, act: LeaveAct, entity: string, quietSinceMs: number): boolean {
  const known = shard.policies.get(entity);
  if (act === 'rejoin') return known !== 'left' || shard.policies.delete(entity);
  if (known === 'left') return true;
  if (isPending(shard, entity) || (known !== undefined && known.stagedAtMs > quietSinceMs)) return false;
  if (act === 'leave') shard.policies.set(entity, 'left');
  return true;
}
