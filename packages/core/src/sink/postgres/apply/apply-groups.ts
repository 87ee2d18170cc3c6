import { faultOf } from '../fault.js';
import type { Group } from '../plan/plan.js';
import { CarefulPass } from './careful-pass.js';
import type { Applied, ApplyContext, Stumble } from './context.js';
import { executeGroup } from './execute-group.js';
import type { Outcomes } from './outcomes.js';

/** Set before the first group: where a failed first pass goes back to. The transaction's hold on its shards is older, and survives. */
export const SAVEPOINT = 'spillway_write';

/**
 * Writes groups in their order. The first pass hopes: a statement per group and nothing else. Only if something is refused, it is taken back as a whole, and a
 * careful one, with savepoints and bisecting, finds who is to blame. Row faults are rare; nobody else should pay for them in round trips.
 *
 * @throws SinkFailure for what no record is to be blamed for.
 */
export async function applyGroups(groups: readonly Group[], context: ApplyContext): Promise<Applied> {
  const hopeful = await hopefulPass(groups, context);
  if (!('fault' in hopeful)) return { outcomes: hopeful.outcomes, tableFaults: [] };
  await context.session.script(`rollback to savepoint ${SAVEPOINT}`);
  return new CarefulPass(groups, context, hopeful).run();
}

async function hopefulPass(
  groups: readonly Group[],
  { session, wallTime, names, mayRestart }: ApplyContext,
): Promise<{ outcomes: Outcomes } | Stumble> {
  const outcomes: Outcomes = new Map();
  for (const group of groups) {
    try {
      for (const [item, outcome] of await executeGroup(session, group, wallTime)) outcomes.set(item, outcome);
    } catch (error) {
      return { group, fault: faultOf(error, { names, mayRestart }) };
    }
  }
  return { outcomes };
}
