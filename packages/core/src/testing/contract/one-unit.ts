import type { StageGroup, StageRules, StageSide, StageUnit, UnitAnswer } from '../../staging/stage-side.js';

/** A unit of work that goes alone in its group. */
export interface StageCall extends StageUnit {
  /** The shard of all its rows. */
  readonly shard: number;
  readonly id: string;
  readonly rules: Readonly<Record<string, StageRules>>;
}

/** The shard of a group is where its rows are. */
type OneUnit = Omit<StageCall, 'shard'> & { readonly shard?: number };

export type StageAnswer = Exclude<UnitAnswer, { readonly status: 'unusable' }> | { readonly status: 'voided' };

function groupOf({ id, rules, changes }: OneUnit): StageGroup {
  return { id, rules, units: [{ changes }] };
}

/** @throws what the store says of rows or shards that it cannot use */
export async function stageOne(store: Pick<StageSide, 'stage'>, call: OneUnit): Promise<StageAnswer> {
  const answer = await store.stage(groupOf(call));
  return answer.status === 'voided' ? answer : usable(answer.units[0] as UnitAnswer);
}

/** @throws as `stageOne` */
export async function fenceOne(store: Pick<StageSide, 'fence'>, call: OneUnit): Promise<StageAnswer> {
  const answer = await store.fence(groupOf(call));
  return answer.status === 'voided' ? answer : usable(answer.units[0] as UnitAnswer);
}

/** @throws as `stageOne` */
export function usable<A extends { readonly status: string }>(
  answer: A | { readonly status: 'unusable'; readonly error: Error },
): Exclude<A, { readonly status: 'unusable' }> {
  if (answer.status === 'unusable' && 'error' in answer) throw answer.error;
  return answer as Exclude<A, { readonly status: 'unusable' }>;
}
