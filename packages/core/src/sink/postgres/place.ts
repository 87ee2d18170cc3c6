import type { Session } from './session.js';

/** The place to which the statements of a connection go. */
export interface Place extends Standing {
  /** Tells this database from every other one: the start time of its server (microseconds), and its number there. */
  readonly database: string;
  readonly name: string;
}

/** Decides, within a database, which table a name without a schema means, and which rights a statement has. */
export interface Standing {
  readonly role: string;
  /** As it was set; `"$user"` is the role. */
  readonly searchPath: string;
  /** The result of the path: the schemas that exist. */
  readonly schemas: string;
}

/** The columns of a standing, also for use in a statement that asks something else. */
export const STANDING = `current_user::text as role, current_setting('search_path') as path,
array_to_string(current_schemas(false), ', ') as schemas`;

/**
 * Asks in one statement, so that the answer is about one server connection, whatever pooler is between. Every role may
 * read it.
 */
export async function placeOf(session: Session): Promise<Place> {
  const [row] = await session.rows(
    `select (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint::text as started,
(select oid::text from pg_database where datname = current_database()) as number, current_database()::text as name,
${STANDING}`,
    [],
  );
  const [started, number, name, ...standing] = row ?? [];
  return { database: `${started}/${number}`, name: name ?? '', ...standingIn(standing) };
}

/** The standing of the sink's connections, once known. Transactions of the application are compared with it. */
export class StandingOfSink {
  own: Standing | undefined;

  /** @param row the answer to `STANDING`: a transaction may have set a role or a path of its own */
  isThatOf(row: readonly (string | null)[]): boolean {
    return this.own === undefined || standTheSame(this.own, standingIn(row));
  }
}

function standingIn([role, searchPath, schemas]: readonly (string | null)[]): Standing {
  return { role: role ?? '', searchPath: searchPath ?? '', schemas: schemas ?? '' };
}

/**
 * True if names and rights are the same. A schema that is created later joins all paths that were set to the same text.
 */
export function standTheSame(one: Standing, other: Standing): boolean {
  return one.role === other.role && (one.searchPath === other.searchPath || one.schemas === other.schemas);
}
