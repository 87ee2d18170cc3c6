import type { Outcome } from '../../../change/outcome.js';
import type { OthersPending, ParentsPending } from '../../change-sink.js';
import type { Fault } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { Group } from '../plan/plan.js';
import type { TableMap } from '../plan/table-map.js';
import type { Session } from '../session.js';
import type { WallTime } from '../sql/version-format.js';
import type { TableFault } from './table-fault.js';

/** What writing rows needs of its surroundings. */
export interface ApplyContext {
  readonly session: Session;
  readonly wallTime: WallTime;
  readonly tables: TableMap;
  readonly parentsPending: ParentsPending;
  readonly othersPending: OthersPending;
}

export interface Applied {
  /** Of the items that were not simply applied. */
  readonly outcomes: ReadonlyMap<Item, Outcome>;
  readonly tableFaults: readonly TableFault[];
}

/** Where the first pass met what. */
export interface Stumble {
  readonly group: Group;
  readonly fault: Fault;
}

/** For whoever cannot ask what is pending elsewhere. */
export const NO_OTHERS: OthersPending = () => Promise.resolve(new Set());
