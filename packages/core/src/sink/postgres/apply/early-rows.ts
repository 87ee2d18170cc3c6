import type { Item } from '../plan/item.js';
import type { StatementGroup } from '../plan/plan.js';
import type { ApplyContext } from './context.js';
import { waits, type Outcomes } from './outcomes.js';
import { earlyItems, withChildren } from './parents.js';

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
  const first = await earlyItems(items, own, context, savepoint);
  if (first.size === 0) return { groups, outcomes: new Map() };
  const early = withChildren(first, items);
  const outcomes = [...early].map((item) => [item, waitsForParent(item)] as const);
  return { groups: without(early, groups), outcomes: new Map(outcomes) };
}

function without(early: ReadonlySet<Item>, groups: readonly StatementGroup[]): readonly StatementGroup[] {
  const timely = groups.map((group) => ({ ...group, items: group.items.filter((item) => !early.has(item)) }));
  return timely.filter(({ items }) => items.length > 0);
}

function waitsForParent(item: Item): ReturnType<typeof waits> {
  return waits(item, item.table.retry.minDelayMs, REASON);
}
