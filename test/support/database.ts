import pg from 'pg';
import { limitRights } from './documented-rights.js';
import { areRightsLimited } from './limited.js';
import { freshNamespace } from './namespace.js';
import { postgres } from './postgres.js';
import { sharedDatabaseUrl } from './shared.js';
import { watchStatements, type StatementLog } from './statement-log.js';

/** A database that one test (file) owns. */
export interface Database extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Ends its connections and removes it. */
  drop(): Promise<void>;
}

export interface DatabaseOptions {
  /** The server, by the URL of a superuser. @defaultValue the PostgreSQL that the run shares */
  readonly url?: string;
  /** The database to copy, to which nobody may be connected meanwhile. @defaultValue an empty database */
  readonly template?: string;
}

/** Creates a database of your own, by default an empty one on the PostgreSQL that the run shares. */
export async function database(options: DatabaseOptions = {}): Promise<Database> {
  const { url: serverUrl = sharedDatabaseUrl(), template = 'template1' } = options;
  const name = freshNamespace('test');
  await runSql(serverUrl, `create database ${name} template ${pg.escapeIdentifier(template)}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  // A copy is limited as its template is.
  if (areRightsLimited() && options.template === undefined) await limitRights(url.href);
  const drop = () => runSql(serverUrl, `drop database if exists ${name} with (force)`);
  return { url: url.href, name, drop, [Symbol.asyncDispose]: drop };
}

/** A database whose every statement can be read. */
export interface LoggedDatabase extends Database {
  readonly statements: StatementLog;
}

/**
 * Creates a database whose server logs every statement, for tests that count them. On a PostgreSQL that is not ours
 * (`DATABASE_URL`) the log cannot be read, so then it gets a private server.
 */
export async function loggedDatabase(options: Pick<DatabaseOptions, 'template'> = {}): Promise<LoggedDatabase> {
  const sharedLog = process.env['SPILLWAY_POSTGRES_LOG'];
  const own = sharedLog === undefined ? await postgres() : undefined;
  const log = own?.log ?? sharedLog ?? '';
  const created = await database({ ...options, ...(own && { url: own.url }) });
  await runSql(created.url, `alter database ${created.name} set log_statement = 'all'`);
  const drop = async (): Promise<void> => {
    await created.drop();
    await own?.stop();
  };
  return { ...created, statements: watchStatements(log, created.name), drop, [Symbol.asyncDispose]: drop };
}

async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
