import { FOREIGN_KEY, faultOf } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { StatementGroup } from '../plan/plan.js';
import { CarefulPass } from './careful-pass.js';
import type { Applied, ApplyContext, Stumble } from './context.js';
import { withoutEarly, type Untimely } from './early-rows.js';
import { executeGroup } from './execute-group.js';
import { areOthersWaiting } from './lock-waits.js';
import type { Outcomes } from './outcomes.js';

/**
 * Set before the first statement group. A failed first pass rolls back to it, and keeps the transaction's older locks
 * on its shards.
 */
export const SAVEPOINT = 'spillway_write';

/**
 * Writes statement groups in their order. The first pass is optimistic: each in one statement. If PostgreSQL refuses
 * one of them, the whole pass is rolled back, and a careful pass, with savepoints and splitting, finds the guilty rows.
 * Row faults are rare, and other rows should not pay for them in round trips. Rows that were refused in an earlier
 * flush are therefore left to a careful pass of their own.
 *
 * Rows whose parents are pending elsewhere are not tried. A part (`isPart`) asks for such parents beforehand. Any other
 * transaction asks once a foreign key is violated, and then repeats the first pass without these rows.
 *
 * @throws SinkFailure for a failure that no record is to blame for
 */
export async function applyGroups(groups: readonly StatementGroup[], context: ApplyContext): Promise<Applied> {
  const timely = context.isPart ? await withoutEarly(groups, context, SAVEPOINT) : { groups, outcomes: new Map() };
  const first = await patientPass(timely.groups, context);
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

/** Leaves out rows whose parents are pending, and writes the rest with a savepoint around every statement. */
export async function applyCarefully(groups: readonly StatementGroup[], context: ApplyContext): Promise<Applied> {
  await context.session.script(`savepoint ${SAVEPOINT}`);
  const { groups: timely, outcomes } = await withoutEarly(groups, context, SAVEPOINT);
  const applied = await new CarefulPass(timely, context, { waiting: outcomes.keys() }).run();
  await context.session.script(`release savepoint ${SAVEPOINT}`);
  return withOutcomes(outcomes, applied);
}

async function goBack({ session }: ApplyContext): Promise<void> {
  await session.script(`rollback to savepoint ${SAVEPOINT}`);
}

/** Writes all groups again. */
async function carefully({ groups, outcomes }: Untimely, context: ApplyContext, stumble: Stumble): Promise<Applied> {
  return withOutcomes(outcomes, await new CarefulPass(groups, context, { stumble, waiting: outcomes.keys() }).run());
}

/** Writes the rows that the first pass has left out: they were refused in an earlier flush. */
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

/** Not refused in an earlier flush. */
export function isFresh({ record }: Item): boolean {
  return record.attempts === 0;
}

/**
 * A pass that meets a locked row begins again, until it has waited as long as it may, or another transaction waits for
 * this one: neither would go on before the other.
 */
async function patientPass(groups: readonly StatementGroup[], context: ApplyContext): Promise<PassEnd> {
  let end = await hopefulPass(groups, context);
  for (const waitMs of context.lockWaits) {
    if (!('fault' in end) || end.fault.kind !== 'locked') return end;
    await goBack(context);
    if (await areOthersWaiting(context.session, waitMs)) return end;
    end = await hopefulPass(groups, context);
  }
  return end;
}

type PassEnd = { readonly outcomes: Outcomes } | Stumble;

async function hopefulPass(
  groups: readonly StatementGroup[],
  { session, wallTime, names, mayRestart }: ApplyContext,
): Promise<PassEnd> {
  const outcomes: Outcomes = new Map();
  for (const group of groups) {
    const items = group.items.filter(isFresh);
    if (items.length === 0) continue;
    const isComposed = items.length === group.items.length && group.composed?.items === group.items;
    const statement = isComposed ? group.composed?.statement : undefined;
    try {
      for (const [item, outcome] of await executeGroup(session, { ...group, items }, wallTime, statement))
        outcomes.set(item, outcome);
    } catch (error) {
      return { group, fault: faultOf(error, { names, mayRestart }) };
    }
  }
  return { outcomes };
}
