/** How much waits in a shard. */
export interface ShardDepth {
  readonly shard: number;
  /** The server that has the shard, as it is connected to. Absent: the store is in this process. */
  readonly server?: string;
  /** Rows with changes that wait for a flush. */
  readonly dirty: number;
  /** Rows of the batch that is being written. */
  readonly inFlight: number;
  readonly dead: number;
  /**
   * Entity -> milliseconds since the first change of its oldest record, among the ten records of the shard that are due
   * first. Records in flight are not among them.
   */
  readonly oldestMs: Readonly<Record<string, number>>;
}

/** How many of the records that are due first a depth looks at. */
export const LOOKED_AT = 10;
