import type { DatabaseState } from '../sink/sink-failure.js';

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
