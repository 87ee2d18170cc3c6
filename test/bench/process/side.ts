/** One contender of a measurement. It runs in a process of its own, so that no two copies of a package ever mix. */
type Side = (ground: Ground) => Promise<OpenSide>;

/** By the names that the catalogue gives them. */
export type Sides = Readonly<Record<string, Side>>;

/** A side whose tables and connections are ready. */
export interface OpenSide {
  /** Does the work of one round and answers its figures. Work that is not measured may follow, such as a drain. */
  readonly round: (round: number) => Promise<Readings>;
  /** Rejects unless the servers hold exactly what all rounds have written. */
  readonly check: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Figures by name. The catalogue says what each means. A reference has those that make sense for it. */
export type Readings = Readonly<Record<string, number>>;

/** The place where a side works: servers and options are the same for all sides, database and namespace its own. */
export interface Ground {
  readonly redisUrl: string;
  /** An empty database. */
  readonly databaseUrl: string;
  /** Begins every key of this side in Redis. */
  readonly namespace: string;
  /** Calls and rows are multiplied by it: 1 to measure, far less to see whether everything works. */
  readonly scale: number;
  /** Begins every random choice: equal for all sides. */
  readonly seed: number;
  /** Whether the largest sizes are wanted. */
  readonly isFull: boolean;
  /** A folder with traffic of a real shop, if there is one. */
  readonly dataFolder?: string;
  /** Which of the processes of a side it is, where a side has several of one kind: from 0. */
  readonly member?: number;
}
