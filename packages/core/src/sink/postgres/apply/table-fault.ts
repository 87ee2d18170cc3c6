import type { TablePause } from '../../change-sink.js';

/**
 * A fault of a whole table: its records wait, and none is buried. `isOfRows`: many of its rows are refused, and become
 * dead letters after their attempts. A person has to be told.
 */
export interface TableFault extends TablePause {
  /** How many records it concerns. */
  readonly records: number;
}
