import { parseRowKey, type RowKey } from '../../../change/row-key.js';
import type { ParentsPending } from '../../change-sink.js';
import { isPaused, type Paused } from '../../paused-entities.js';
import type { StatementGroup } from '../plan/plan.js';
import { applyGroups } from './apply-groups.js';
import type { Applied, ApplyContext } from './context.js';
import { comesBack } from './outcomes.js';

/**
 * Writes what is not paused. Records of paused entities come back as they are, and no drain looks at them again. Rows
 * that refer to a paused row which is not in the database wait with it.
 */
export async function applyUnpaused(
  groups: readonly StatementGroup[],
  paused: Paused,
  context: ApplyContext,
): Promise<Applied> {
  const isHeld = ({ table }: StatementGroup): boolean => isPaused(paused, { schema: table.schema, table: table.name });
  const held = groups.filter(isHeld).flatMap(({ items }) => items);
  const rest = groups.filter((group) => !isHeld(group));
  const heldRows = new Set(held.map(({ rowKey }) => rowKey));
  const { outcomes, tableFaults } = await applyGroups(rest, {
    ...context,
    isPart: true,
    parentsPending: withHeld(context.parentsPending, heldRows),
    isPausedParent: (parent) => isPaused(paused, parseRowKey(parent)),
  });
  return {
    outcomes: new Map([
      ...held.map((item) => [item, comesBack(item, `${item.table.entity} is paused`)] as const),
      ...outcomes,
    ]),
    tableFaults,
  };
}

/** Rows of this transaction that it does not write are pending like those of others. */
function withHeld(parentsPending: ParentsPending, held: ReadonlySet<RowKey>): ParentsPending {
  return async (keys) => {
    const others = keys.filter((key) => !held.has(key));
    const pending = others.length > 0 ? await parentsPending(others) : [];
    return new Set([...keys.filter((key) => held.has(key)), ...pending]);
  };
}
