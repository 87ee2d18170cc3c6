import type { Batch } from '../../../staging/flush-side.js';
import { plan, type StatementGroup, type Plan } from '../plan/plan.js';
import type { TableMap } from '../plan/table-map.js';
import type { WallTime } from '../sql/version-format.js';
import { isFresh } from './apply-groups.js';
import { takesOneStatement } from './execute-group.js';
import { statementOf } from './write-rows.js';

/**
 * Plans that were made before their transactions began, with the statements of those statement groups that need no
 * decision. A plan holds for exactly its batches, and as long as the tables are the same.
 */
export class ComposedPlans {
  readonly #plans = new WeakMap<Batch, { batches: readonly Batch[]; revision: number; plan: Plan }>();
  readonly #tables: TableMap;
  readonly #wallTime: WallTime;

  constructor(tables: TableMap, wallTime: WallTime) {
    this.#tables = tables;
    this.#wallTime = wallTime;
  }

  /** Never throws: what cannot be composed fails in the transaction, which knows what to do about it. */
  compose(batches: readonly Batch[]): void {
    try {
      this.#compose(batches);
    } catch {
      // The transaction makes the plan itself, and meets the same.
    }
  }

  #compose(batches: readonly Batch[]): void {
    const [first] = batches;
    if (first === undefined) return;
    const planned = plan(batches, this.#tables);
    const groups = planned.groups.map((group) => this.#withStatement(group));
    const { revision } = this.#tables;
    this.#plans.set(first, { batches: [...batches], revision, plan: { ...planned, groups } });
  }

  of(batches: readonly Batch[]): Plan {
    const made = batches[0] && this.#plans.get(batches[0]);
    const isSame =
      made?.revision === this.#tables.revision &&
      made.batches.length === batches.length &&
      made.batches.every((batch, index) => batch === batches[index]);
    return isSame ? made.plan : plan(batches, this.#tables);
  }

  #withStatement(group: StatementGroup): StatementGroup {
    const { kind, items } = group;
    const isPlain = items.every((item) => isFresh(item) && takesOneStatement(item));
    return isPlain ? { ...group, composed: { items, statement: statementOf(kind, items, this.#wallTime) } } : group;
  }
}
