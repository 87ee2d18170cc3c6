import type { QueryMode } from '../../policy/query-mode.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { TouchedTypes } from './touched-types.js';

/** How a query is answered. */
export interface QueryPlan {
  /** What is pending of these is written first. */
  readonly drained: readonly WriteBehindType[];
  /** Whether pending changes are laid over its rows. */
  readonly overlaid: boolean;
  /** Whether it reads the primary, wherever MikroORM would send it. */
  readonly primary: boolean;
}

export interface PlannedQuery {
  /** The type of its rows, if it is written behind. */
  readonly root: WriteBehindType | undefined;
  readonly touched: TouchedTypes;
  /** What the call asks for; otherwise each type's policy counts. */
  readonly asked: QueryMode | undefined;
  /** Whether rows of the root can be laid over: not in a transaction, which may go on to change by SQL what it reads, nor under row level security, which PostgreSQL alone knows. */
  readonly canOverlay: boolean;
  /** Whether it answers rows at all; a count does not, and is PostgreSQL's. */
  readonly hasRows: boolean;
}

/**
 * Decides what a query waits for. Pending changes are laid over its own rows only: rows that are joined into them would have to be read again without what joined them, so those are
 * drained instead. What a condition reaches through relations is neither.
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
