import type { QueryMode } from '../../policy/query-mode.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { TouchedTypes } from './touched-types.js';

/** How a query is answered. */
export interface QueryPlan {
  /** The types whose pending changes are written first. */
  readonly drained: readonly WriteBehindType[];
  /** True if pending changes are laid over its rows. */
  readonly overlaid: boolean;
  /** True if it reads the primary, wherever MikroORM would send it. */
  readonly primary: boolean;
}

export interface PlannedQuery {
  /** The type of its rows, if it is written behind. */
  readonly root: WriteBehindType | undefined;
  readonly touched: TouchedTypes;
  /** The mode that the call asks for; without one, each type's policy decides. */
  readonly asked: QueryMode | undefined;
  /**
   * True if rows of the root can be laid over. Not in a transaction, which may go on to change by SQL the rows that it
   * reads; nor under row level security, which only PostgreSQL can judge.
   */
  readonly canOverlay: boolean;
  /** True if it answers rows. A count answers none, and is left to PostgreSQL. */
  readonly hasRows: boolean;
}

/**
 * Decides what a query waits for. Pending changes are laid over its own rows only. Rows that are joined into them would
 * have to be read again without their join, so their types are drained instead. Types that only a condition reaches
 * through relations are neither laid over nor drained.
 */
export function planQuery({ root, touched, asked, canOverlay, hasRows }: PlannedQuery): QueryPlan {
  const modeOf = ({ policy }: WriteBehindType): QueryMode => asked ?? policy.queries;
  const drained = [...touched.all].filter((type) => {
    switch (modeOf(type)) {
      case 'drain':
        return true;
      case 'database':
        return false;
      case 'overlay':
        return !canOverlay || touched.joined.has(type);
    }
  });
  return {
    drained,
    overlaid: hasRows && canOverlay && root !== undefined && modeOf(root) === 'overlay' && !drained.includes(root),
    primary: drained.length > 0 || [...touched.all].some(({ policy }) => policy.reads === 'primary'),
  };
}
