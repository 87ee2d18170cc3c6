import { FOREIGN_KEY, faultOf } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { Group } from '../plan/plan.js';
import { CarefulPass } from './careful-pass.js';
import type { Applied, ApplyContext, Stumble } from './context.js';
import { withoutEarly, type Untimely } from './early-rows.js';
import { executeGroup } from './execute-group.js';
import type { Outcomes } from './outcomes.js';

/**
 * Set before the first group: where a failed first pass goes back to. The transaction's hold on its shards is older, and
 * survives.
 */
export const SAVEPOINT = 'spillway_write';

/**
 * Writes groups in their order. The first pass hopes: a statement per group and nothing else. Only if something is
 * refused, it is taken back as a whole, and a careful one, with savepoints and splitting, finds who is to blame. Row
 * faults are rare; other rows should not pay for them in round trips. So rows that were refused in an earlier flush are
 * left to a careful pass of their own.
 *
 * Rows whose parents are pending elsewhere are not tried: that is asked beforehand where it is likely, else once a
 * parent is missed, and then the first pass hopes a second time, without them.
 *
 * @throws SinkFailure for what no record is to be blamed for.
 */
export async function applyGroups(groups: readonly Group[], context: ApplyContext): Promise<Applied> {
  const timely = context.isPart ? await withoutEarly(groups, context, SAVEPOINT) : { groups, outcomes: new Map() };
  const first = await hopefulPass(timely.groups, context);
  if (!('fault' in first)) return writeRest(timely, first.outcomes, context);
  await goBack(context);
  if (context.isPart || first.fault.sqlstate !== FOREIGN_KEY) return carefully(timely, context, first);
  const rest = await withoutEarly(groups, context, SAVEPOINT);
  if (rest.outcomes.size === 0) return carefully(rest, context, first);
  const second = await hopefulPass(rest.groups, context);
  if (!('fault' in second)) return writeRest(rest, second.outcomes, context);
  await goBack(context);
  return carefully(rest, context, second);
}

/** Leaves out what is known to come too early, and writes the rest with a savepoint around every statement. */
export async function applyCarefully(groups: readonly Group[], context: ApplyContext): Promise<Applied> {
  await context.session.script(`savepoint ${SAVEPOINT}`);
  const { groups: timely, outcomes } = await withoutEarly(groups, context, SAVEPOINT);
  const applied = await new CarefulPass(timely, context, { waiting: outcomes.keys() }).run();
  await context.session.script(`release savepoint ${SAVEPOINT}`);
  return withOutcomes(outcomes, applied);
}

async function goBack({ session }: ApplyContext): Promise<void> {
  await session.script(`rollback to savepoint ${SAVEPOINT}`);
}

/** Everything, once more. */
async function carefully({ groups, outcomes }: Untimely, context: ApplyContext, stumble: Stumble): Promise<Applied> {
  return withOutcomes(outcomes, await new CarefulPass(groups, context, { stumble, waiting: outcomes.keys() }).run());
}

/** What the first pass has left out. */
async function writeRest(
  { groups, outcomes: early }: Untimely,
  written: Outcomes,
  context: ApplyContext,
): Promise<Applied> {
  const outcomes = new Map([...early, ...written]);
  const before = groups.map((group) => ({ ...group, items: group.items.filter((item) => !isFresh(item)) }));
  const rest = before.filter(({ items }) => items.length > 0);
  if (rest.length === 0) return { outcomes, tableFaults: [] };
  return withOutcomes(outcomes, await new CarefulPass(rest, context, { waiting: early.keys() }).run());
}

function withOutcomes(outcomes: Outcomes, applied: Applied): Applied {
  return { ...applied, outcomes: new Map([...outcomes, ...applied.outcomes]) };
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
