import type { RowKey } from '../../../change/row-key.js';
import type { Item } from '../plan/item.js';
import type { StatementGroup } from '../plan/plan.js';
import type { ApplyContext } from './context.js';
import type { Outcome } from '../../../change/outcome.js';
import { comesBack, waits, waitsRefused, type Outcomes } from './outcomes.js';
import { earlyOf, parentsOf, withChildren } from './parents.js';

const REASON = 'The row refers to another one, which is pending and has to be written first.';

/** Statement groups without the rows that come too early, and the outcomes of those rows. */
export interface Untimely {
  readonly groups: readonly StatementGroup[];
  readonly outcomes: Outcomes;
}

/**
 * Leaves out the rows that refer to a row which is pending elsewhere and not in the database, and the rows that refer
 * to them. PostgreSQL would refuse them, and with them the other rows of their statement.
 *
 * @param savepoint to which a failed question rolls back
 */
export async function withoutEarly(
  groups: readonly StatementGroup[],
  context: ApplyContext,
  savepoint: string,
): Promise<Untimely> {
  const items = groups.flatMap((group) => group.items);
  const own = new Set(items.map(({ rowKey }) => rowKey));
  const { early: first, absent } = await earlyOf(items, own, context, savepoint);
  if (first.size === 0) return { groups, outcomes: new Map() };
  const early = withChildren(first, items);
  const outcomes = [...early].map((item) => [item, waitsForParent(item, absent, context)] as const);
  return { groups: without(early, groups), outcomes: new Map(outcomes) };
}

function without(early: ReadonlySet<Item>, groups: readonly StatementGroup[]): readonly StatementGroup[] {
  const timely = groups.map((group) => ({ ...group, items: group.items.filter((item) => !early.has(item)) }));
  return timely.filter(({ items }) => items.length > 0);
}

/** Where something is paused the wait may last: the older the row is, the longer it waits. */
function waitsForParent(item: Item, absent: ReadonlySet<RowKey>, { isPausedParent }: ApplyContext): Outcome {
  if (isPausedParent === undefined) return waits(item, item.table.retry.minDelayMs, REASON);
  const parent = parentsOf(item).find((key) => absent.has(key) && isPausedParent(key));
  return parent === undefined ? waitsRefused(item, REASON) : comesBack(item, `It refers to ${parent}, which is paused`);
}
