import { shardOf } from '../../change/row-key.js';
import type { StagedMark } from '../look-side.js';
import type { Refusal, StageGroup, StageUnit, UnitAnswer } from '../stage-side.js';
import type { MemoryShard } from './memory-shard.js';
import { planStage, writeStage, type StagePlan } from './stage-changes.js';

/** What a unit makes of one shard. */
interface ShardPlan {
  readonly shard: MemoryShard;
  readonly plan: StagePlan;
  readonly changes: StageUnit['changes'];
}

/** What a unit comes to, and what it makes of its shards if it is accepted. */
export interface JudgedUnit {
  readonly answer: UnitAnswer;
  readonly write: () => void;
}

/** Judges a unit as a whole, in all its shards. Writes nothing. */
export function judgeUnit(
  shards: ReadonlyMap<number, MemoryShard>,
  count: number,
  { changes }: StageUnit,
  rules: StageGroup['rules'],
  nowMs: number,
): JudgedUnit {
  const byShard = Map.groupBy(changes, ({ rowKey }) => shardOf(rowKey, count));
  const missing = [...byShard.keys()].filter((number) => !shards.has(number));
  if (missing.length > 0) return refused({ status: 'uninitialised', shards: missing });
  const plans = [...byShard].map(([number, ofShard]): ShardPlan => {
    const shard = shards.get(number) as MemoryShard;
    return { shard, changes: ofShard, plan: planStage(shard, { changes: ofShard, rules }, nowMs) };
  });
  const refusals = refusalsOf(plans, changes);
  if (refusals.length > 0) return refused({ status: 'refused', refusals });
  const answer: UnitAnswer = {
    status: 'staged',
    versions: new Map(plans.flatMap(({ plan }) => [...plan.versions])),
    marks: marksOf(changes, plans),
  };
  const write = (): void => {
    for (const { shard, changes: ofShard, plan } of plans) writeStage(shard, { changes: ofShard, rules }, plan, nowMs);
  };
  return { answer, write };
}

function refused(answer: UnitAnswer): JudgedUnit {
  return { answer, write: () => undefined };
}

/** In the order of the changes. The policy of an entity refuses alone, before any change is looked at. */
function refusalsOf(plans: readonly ShardPlan[], changes: StageUnit['changes']): readonly Refusal[] {
  const all = plans.flatMap(({ plan }) => plan.refusals);
  const ofPolicy = all.filter(({ reason }) => reason === 'policy' || reason === 'left');
  const first = ofPolicy.length > 0 && changes.find(({ rowKey }) => ofPolicy.some((each) => each.rowKey === rowKey));
  if (first) return ofPolicy.filter(({ rowKey }) => rowKey === first.rowKey);
  const at = new Map(
    plans.flatMap(({ plan }) => plan.refusals.map((each, i) => [each, changes.indexOf(plan.refused[i] as never)])),
  );
  return all.toSorted((left, right) => (at.get(left) ?? 0) - (at.get(right) ?? 0));
}

function marksOf(changes: StageUnit['changes'], plans: readonly ShardPlan[]): readonly StagedMark[] {
  const marks = new Map<StageUnit['changes'][number], StagedMark>();
  for (const { shard, changes: ofShard } of plans) {
    ofShard.forEach((change, index) =>
      marks.set(change, { rowKey: change.rowKey, sequence: shard.sequence + index + 1, since: shard.since }),
    );
  }
  return changes.map((change) => marks.get(change) as StagedMark);
}
