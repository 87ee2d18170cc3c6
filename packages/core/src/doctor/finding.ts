/** What `diagnose()` looks at. The names are stable: alerts and scripts may tell findings apart by them. */
export type DoctorCheck =
  /** PostgreSQL answers, lets Spillway in, and takes writes. */
  | 'postgres'
  /** Spillway's own tables are there, with the columns of this release. */
  | 'postgres-tables'
  /** The role may read and write Spillway's tables and those of the entities. */
  | 'postgres-rights'
  /** Rows of the entities' tables can be written by their keys, with the columns that the entities have. */
  | 'entity-tables'
  /** A worker gets all the connections that it may need at once. */
  | 'connections'
  /** What stands between the application and PostgreSQL. */
  | 'pooler'
  /** Each Redis server answers, and lets Spillway in. */
  | 'redis'
  | 'redis-scripts'
  | 'redis-rights'
  | 'redis-persistence'
  | 'redis-eviction'
  | 'redis-memory'
  /** Redis, PostgreSQL and the configuration agree about which server has which shard. */
  | 'shard-map'
  /** The servers can give the durability that policies ask for. */
  | 'durability'
  /** What each entity's policy is, and whether other releases stage what this one does not. */
  | 'policies'
  /** Redis and PostgreSQL know the same last batch of each shard. */
  | 'chain'
  /** How long the oldest change has waited. */
  | 'lag'
  /** Some worker takes what is due. */
  | 'worker'
  /** Nobody has paused the writing. */
  | 'paused'
  /** New changes are accepted. */
  | 'room'
  | 'dead-letters';

/** The answer to one question of `diagnose()`. */
export interface Finding {
  readonly check: DoctorCheck;
  /**
   * - `ok`: as it should be
   * - `warning`: it works, but a person should know
   * - `problem`: a person has to act
   */
  readonly level: 'ok' | 'warning' | 'problem';
  /** What was found, in sentences. */
  readonly message: string;
  /** What to do; absent where nothing has to be done. */
  readonly remedy?: string;
}

export function ok(check: DoctorCheck, message: string): Finding {
  return { check, level: 'ok', message };
}

export function warning(check: DoctorCheck, message: string, remedy: string): Finding {
  return { check, level: 'warning', message, remedy };
}

export function problem(check: DoctorCheck, message: string, remedy: string): Finding {
  return { check, level: 'problem', message, remedy };
}
