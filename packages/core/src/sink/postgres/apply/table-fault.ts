import type { TablePause } from '../../change-sink.js';

/** What concerns a whole table: its records wait, none is buried, and somebody has to be told. */
export interface TableFault extends TablePause {
  /** How many records of the batch wait for it. */
  readonly records: number;
}
