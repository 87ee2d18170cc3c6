import { textOf } from '../errors.js';
import { formatDuration } from '../policy/duration.js';
import type { DatabaseState } from '../sink/sink-failure.js';
import type { StagingStats } from '../staging/staging-store.js';

/**
 * Why a staging store takes no changes.
 * - `silent`: it cannot be reached, or does not answer
 * - `full`: it is out of memory
 * - `refusing`: it takes no writes: it is a replica, loads its data, or cannot save it
 */
export type StagingState = 'silent' | 'full' | 'refusing';

/** Each state of PostgreSQL as a problem, with what to do. */
export const DATABASE_PROBLEMS: Readonly<Record<DatabaseState, string>> = {
  unreachable:
    'PostgreSQL cannot be reached. Changes are staged on. See whether it runs, and whether host, port and network are right',
  refusing:
    'PostgreSQL refuses the connection. Changes are staged on. Check the user, the password, the name of the database and pg_hba.conf',
  starting: 'PostgreSQL is starting. Changes are staged on. Wait, and see its log if it does not end',
  stopping: 'PostgreSQL is stopping. Changes are staged on. Start it again',
  'too-many-connections':
    'PostgreSQL has no connection left. Changes are staged on. Raise max_connections, or lower the pools of the applications',
  'disk-full': 'The disk of PostgreSQL is full. Changes are staged on. Make room on it',
  'out-of-memory':
    'PostgreSQL is out of memory or temporary space. Changes are staged on. See what uses it, or lower batchSize',
  'read-only':
    'PostgreSQL takes no writes: it is a replica or read-only. Changes are staged on. Connect to the primary',
};

/** @param said PostgreSQL's own message, where it is known */
export function databaseProblem(state: DatabaseState, said?: string): string {
  const problem = DATABASE_PROBLEMS[state];
  return said === undefined ? problem : `${problem}. It says: ${said}`;
}

/** Each state of Redis as a problem, with what to do. */
export const STAGING_PROBLEMS: Readonly<Record<StagingState, string>> = {
  silent: 'Redis does not answer. See whether it runs and can be reached',
  full: 'Redis is out of memory, and changes are refused. Flushing goes on and makes room; raise maxmemory, or lower maxPending and cache.maxBytes',
  refusing:
    'Redis takes no writes, and changes are refused: it is a replica, loads its data, or cannot save it. See its log, and lead to the primary',
};

/** A word for each possible problem, for rules that alert. */
export type HealthState =
  | `database-${DatabaseState}`
  | `staging-${StagingState}`
  | 'queue-full'
  | 'table-paused'
  | 'configuration'
  | 'overdue'
  | 'data-loss'
  | 'unknown';

/** The health of writing, in words and in sentences. */
export interface Health {
  /**
   * `degraded`: a part does not work, such as one of several Redis servers, or data was lost within the last hour.
   * `down`: nothing is written or staged, or the state is unknown.
   */
  readonly status: 'up' | 'degraded' | 'down';
  /** The problems, in a word each, in the order of the sentences; empty if there are none. */
  readonly states: readonly HealthState[];
  /** The problems, each a sentence for the operator, with what to do; empty if there are none. */
  readonly problems: readonly string[];
  /** Rows with unwritten changes, over all entities. Absent where the staging store did not answer. */
  readonly pending?: number;
  /** Age of the change that should be written before all others, milliseconds; absent when nothing is pending. */
  readonly oldestMs?: number;
  /** Dead letters. They wait for a person and make nothing unhealthy. */
  readonly dead?: number;
  /**
   * What an operator has paused: everything (`all`), and entities by name. It makes nothing unhealthy. Absent where
   * nothing is paused, and where the database did not answer.
   */
  readonly paused?: { readonly all: boolean; readonly entities: readonly string[] };
}

/** One of several servers of the staging store that takes no changes, as it answers now. */
export interface ServerTrouble {
  /** Absent: a person has to act. */
  readonly state: StagingState | undefined;
  readonly shards: readonly number[];
  /** Names the server and its shards. */
  readonly said: string;
}

/** Problems that are known and not yet solved. */
export interface Trouble {
  /** The state in which PostgreSQL takes no writes, as it answers now or as flushes of this process have met it. */
  readonly database: DatabaseState | undefined;
  /** PostgreSQL's own message, where it says more than the state. */
  readonly databaseSaid?: string;
  /** Why the staging store takes no changes, as it answers now. */
  readonly staging: StagingState | undefined;
  /** Those of several servers that take no changes, while others do. */
  readonly servers?: readonly ServerTrouble[];
  readonly silentShards: ReadonlySet<number>;
  /** Entities of which no more rows may be pending. */
  readonly full: readonly string[];
  /** Reasons why tables are not written, as sentences. */
  readonly tables: readonly string[];
  /** Reasons why nothing is written until a person acts, as sentences. */
  readonly configuration: readonly string[];
  /**
   * Recent losses of data in Redis or PostgreSQL, as sentences. Everything works again, and a person has to look at
   * rows.
   */
  readonly losses?: readonly string[];
}

export interface HealthQuestion {
  readonly stats: StagingStats;
  /** Something is due now, by the staging store's clock. */
  readonly isDue: boolean;
  readonly shards: number;
  readonly trouble: Trouble;
  /**
   * From this age on the oldest change is overdue, milliseconds: the longest delay that a policy allows, plus thirty
   * seconds.
   */
  readonly overdueMs: number;
}

interface Problem {
  readonly state: HealthState;
  readonly text: string;
  /** Only a part is affected; the rest goes on. */
  readonly isPart?: boolean;
}

/**
 * Judges the health. Only the staging store can tell that no process writes due changes: the process that asks may have
 * no worker, and the other processes may be gone.
 */
export function judgeHealth(question: HealthQuestion): Health {
  const { stats } = question;
  const problems = [...problemsOf(question)];
  return {
    status: problems.length === 0 ? 'up' : problems.every(({ isPart }) => isPart === true) ? 'degraded' : 'down',
    states: [...new Set(problems.map(({ state }) => state))],
    problems: problems.map(({ text }) => text),
    pending: Object.values(stats.pending).reduce((sum, count) => sum + count, 0),
    ...(stats.oldestMs !== undefined && { oldestMs: stats.oldestMs }),
    dead: stats.dead,
  };
}

/** The answer if the question itself fails. @param state what is known of the cause */
export function unknownHealth(error: unknown, state: HealthState = 'unknown'): Health {
  return { status: 'down', states: [state], problems: [typeof error === 'string' ? error : textOf(error)] };
}

function* problemsOf({ stats, isDue, shards, trouble, overdueMs }: HealthQuestion): Generator<Problem> {
  const { database, staging, silentShards } = trouble;
  if (database) yield { state: `database-${database}`, text: databaseProblem(database, trouble.databaseSaid) };
  if (staging) yield { state: `staging-${staging}`, text: STAGING_PROBLEMS[staging] };
  const named = new Set(trouble.servers?.flatMap((server) => server.shards));
  const unnamed = [...silentShards].filter((shard) => !named.has(shard));
  const isPartlySilent = unnamed.length > 0 && silentShards.size < shards;
  if (silentShards.size >= shards && shards > 0 && staging !== 'silent')
    yield { state: 'staging-silent', text: STAGING_PROBLEMS.silent };
  for (const entity of trouble.full) {
    const text = `As many rows of ${entity} are pending as maxPending allows, and changes of others are refused or written by SQL. See why PostgreSQL does not keep up, or raise maxPending`;
    yield { state: 'queue-full', text };
  }
  for (const text of trouble.tables) yield { state: 'table-paused', text };
  for (const text of trouble.configuration) yield { state: 'configuration', text };
  const { oldestMs } = stats;
  if (isDue && oldestMs !== undefined && oldestMs > overdueMs) {
    const waited = formatDuration(Math.round(oldestMs / 1_000) * 1_000);
    const text = `Nothing is written though it is due: the oldest change has waited ${waited}. See whether a worker runs`;
    yield { state: 'overdue', text };
  }
  for (const { state, said } of trouble.servers ?? []) {
    const text = `One of the Redis servers takes no changes, the others go on. ${said}`;
    yield { state: state === undefined ? 'configuration' : `staging-${state}`, text, isPart: true };
  }
  if (isPartlySilent) {
    const text = `Redis does not answer for ${unnamed.length} of ${shards} shards. See whether its servers run`;
    yield { state: 'staging-silent', text, isPart: true };
  }
  for (const text of trouble.losses ?? []) yield { state: 'data-loss', text, isPart: true };
}
