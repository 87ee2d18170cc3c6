import type { Outcome } from '../../../change/outcome.js';
import type { RowKey } from '../../../change/row-key.js';
import type { OthersPending, ParentsPending } from '../../change-sink.js';
import type { KnownNames } from '../known-names.js';
import type { Fault } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { StatementGroup } from '../plan/plan.js';
import type { TableMap } from '../plan/table-map.js';
import type { TablePauses } from '../table-pauses.js';
import type { Session } from '../session.js';
import type { WallTime } from '../sql/version-format.js';
import type { TableFault } from './table-fault.js';

/** Everything that writing rows needs besides the rows. */
export interface ApplyContext {
  readonly session: Session;
  /** Names that messages may show. */
  readonly names: KnownNames;
  readonly wallTime: WallTime;
  readonly tables: TableMap;
  readonly pauses: Pick<TablePauses, 'lengthMs'>;
  readonly parentsPending: ParentsPending;
  /** Parents of these rows are likely to be pending elsewhere. */
  readonly isPart: boolean;
  readonly othersPending: OthersPending;
  /** True for a parent that is not written before somebody ends the pause of its entity. */
  readonly isPausedParent?: (parent: RowKey) => boolean;
  /** Further waits for locked rows, milliseconds, after the one that the transaction began with. */
  readonly lockWaits: readonly number[];
  /** The transaction may be run again as a whole if PostgreSQL asks for it. */
  readonly mayRestart: boolean;
}

export interface Applied {
  /** Of the items that were not simply applied. */
  readonly outcomes: ReadonlyMap<Item, Outcome>;
  readonly tableFaults: readonly TableFault[];
}

/** The statement group at which the first pass failed, and its fault. */
export interface Stumble {
  readonly group: StatementGroup;
  readonly fault: Fault;
}

/** For a caller that cannot ask what is pending elsewhere. */
export const NO_OTHERS: OthersPending = () => Promise.resolve(new Set());
