import { faultOf } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { Group } from '../plan/plan.js';
import { CarefulPass } from './careful-pass.js';
import type { Applied, ApplyContext, Stumble } from './context.js';
import { executeGroup } from './execute-group.js';
import type { Outcomes } from './outcomes.js';

/** Set before the first group: where a failed first pass goes back to. The transaction's hold on its shards is older, and survives. */
export const SAVEPOINT = 'spillway_write';

/**
 * Writes groups in their order. The first pass hopes: a statement per group and nothing else. Only if something is
 * refused, it is taken back as a whole, and a careful one, with savepoints and splitting, finds who is to blame. Row
 * faults are rare; other rows should not pay for them in round trips. So rows that were refused in an earlier flush are
 * left to a careful pass of their own.
 *
 * @throws SinkFailure for what no record is to be blamed for.
 */
export async function applyGroups(groups: readonly Group[], context: ApplyContext): Promise<Applied> {
  const hopeful = await hopefulPass(groups, context);
  if ('fault' in hopeful) {
    await context.session.script(`rollback to savepoint ${SAVEPOINT}`);
    return new CarefulPass(groups, context, hopeful).run();
  }
  const before = groups.map((group) => ({ ...group, items: group.items.filter((item) => !isFresh(item)) }));
  const rest = before.filter(({ items }) => items.length > 0);
  if (rest.length === 0) return { outcomes: hopeful.outcomes, tableFaults: [] };
  const { outcomes, tableFaults } = await new CarefulPass(rest, context).run();
  return { outcomes: new Map([...hopeful.outcomes, ...outcomes]), tableFaults };
}

function isFresh({ record }: Item): boolean {
  return record.attempts === 0;
}

async function hopefulPass(
  groups: readonly Group[],
  { session, wallTime, names, mayRestart }: ApplyContext,
): Promise<{ outcomes: Outcomes } | Stumble> {
  const outcomes: Outcomes = new Map();
  for (const group of groups) {
    const items = group.items.filter(isFresh);
    if (items.length === 0) continue;
    try {
      for (const [item, outcome] of await executeGroup(session, { ...group, items }, wallTime))
        outcomes.set(item, outcome);
    } catch (error) {
      return { group, fault: faultOf(error, { names, mayRestart }) };
    }
  }
  return { outcomes };
}
