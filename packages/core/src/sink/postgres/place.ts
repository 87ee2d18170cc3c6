import type { Session } from './session.js';

/** Where the statements of a connection go. */
export interface Place extends Standing {
  /** Tells this database from every other one: when its server was started (microseconds), and its number there. */
  readonly database: string;
  readonly name: string;
}

/** What decides, within a database, which table a name without a schema is, and which rights there are. */
export interface Standing {
  readonly role: string;
  /** As it was set; `"$user"` is the role. */
  readonly searchPath: string;
  /** What it comes to: the schemas that are there. */
  readonly schemas: string;
}

/** The columns of a standing, also for a statement that asks something else too. */
export const STANDING = `current_user::text as role, current_setting('search_path') as path,
array_to_string(current_schemas(false), ', ') as schemas`;

/** In one statement, so that it is true of one server connection, whatever pooler is between. Everybody may read it. */
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

/** How the connections of a sink stand, once that is known, to compare transactions of the application with. */
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

/** Whether names and rights are the same. A schema that is made later joins the path of all who have set the same. */
export function standTheSame(one: Standing, other: Standing): boolean {
  return one.role === other.role && (one.searchPath === other.searchPath || one.schemas === other.schemas);
}
