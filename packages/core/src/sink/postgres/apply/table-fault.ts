/** What concerns a whole table: its records wait, none is buried, and somebody has to be told. */
export interface TableFault {
  readonly schema: string;
  readonly table: string;
  /** SQLSTATE, or `UNKNOWN_TABLE`: this process has no entity for a table that records name. */
  readonly code: string;
  readonly reason: string;
  /** How many records of the batch wait for it. */
  readonly records: number;
}
