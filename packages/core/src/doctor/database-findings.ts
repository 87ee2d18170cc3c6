import { SpillwayError, textOf } from '../errors.js';
import { DATABASE_PROBLEMS } from '../observability/health.js';
import type { ConnectionsFound, DatabaseExamination, Misfit, MissingRights } from '../sink/database-examination.js';
import { SinkDown } from '../sink/sink-failure.js';
import type { Table } from '../sink/table.js';
import { type Finding, ok, problem, warning } from './finding.js';

/** How long all connections of a worker together may take to be there. */
const CONNECTIONS_MS = 3_000;

export interface DatabaseQuestion {
  /** Tables of which something may be staged. */
  readonly tables: readonly Table[];
  /** How many connections a worker of these options has at most. */
  readonly workerConnections: number;
  /** True if the ORM sets something on each of its connections. */
  readonly hasHooks: boolean;
}

/** What is found about PostgreSQL. `isThere`: more can be asked there. */
export async function examineDatabase(
  database: DatabaseExamination,
  question: DatabaseQuestion,
): Promise<{ readonly findings: readonly Finding[]; readonly isThere: boolean }> {
  try {
    const { version, role, database: name, isReplica } = await database.server();
    if (isReplica)
      return {
        findings: [problem('postgres', 'PostgreSQL takes no writes: it is a replica.', LEAD_TO_PRIMARY)],
        isThere: true,
      };
    const findings = [
      ok('postgres', `PostgreSQL ${version} takes writes of the role "${role}" in the database "${name}".`),
      ...(await rightsFindings(database, question.tables)),
      ...(await tableFindings(database, question.tables)),
      ...connectionFindings(await database.connections(question.workerConnections, CONNECTIONS_MS), question),
    ];
    return { findings, isThere: true };
  } catch (error) {
    return { findings: [unreachable(error)], isThere: false };
  }
}

const LEAD_TO_PRIMARY = 'Let the ORM connect to the primary.';

/** Why PostgreSQL cannot be asked. */
export function unreachable(error: unknown): Finding {
  const down = error instanceof SpillwayError ? error.cause : error;
  if (down instanceof SinkDown) {
    const remedy = DATABASE_PROBLEMS[down.state].split('. ').at(-1);
    return problem('postgres', `${down.message}.`, `${remedy}.`);
  }
  return problem('postgres', textOf(error), 'Let the settings of the ORM lead Spillway to the database of the ORM.');
}

async function rightsFindings(database: DatabaseExamination, tables: readonly Table[]): Promise<readonly Finding[]> {
  const missing = await database.missingRights(tables);
  if (missing.length === 0)
    return [ok('postgres-rights', 'The role may read and write all tables that Spillway uses.')];
  return missing.map(lacking);
}

function lacking({ table, rights }: MissingRights): Finding {
  return problem(
    'postgres-rights',
    `The role lacks ${rights.join(', ')} on ${table}.`,
    `Run: grant ${rights.join(', ')} on ${table} to the role of the application. SECURITY.md lists all rights.`,
  );
}

async function tableFindings(database: DatabaseExamination, tables: readonly Table[]): Promise<readonly Finding[]> {
  const found = await database.misfits(tables);
  if (found.length > 0) return found.map(misfitting);
  return [ok('entity-tables', `The tables of ${tables.length} entities can be written by their keys.`)];
}

function misfitting({ entity, table, what, isFatal }: Misfit): Finding {
  const message = `${table}, the table of ${entity}, ${what}.`;
  const remedy = 'Run the migrations of the application, or change the entity.';
  if (isFatal) return problem('entity-tables', message, remedy);
  return warning('entity-tables', message, remedy);
}

function connectionFindings(
  found: ConnectionsFound | undefined,
  { workerConnections, hasHooks }: DatabaseQuestion,
): readonly Finding[] {
  if (found === undefined) return [ok('connections', 'The database has one connection, which Spillway shares.')];
  const { got, refusal, isPooled, isByTransaction } = found;
  return [
    got < workerConnections
      ? tooFew(got, workerConnections, isPooled, refusal)
      : ok('connections', `A worker gets the ${workerConnections} connections that it may need at once.`),
    isPooled ? pooled(isByTransaction, hasHooks) : ok('pooler', 'No pooler stands before PostgreSQL.'),
  ];
}

function tooFew(got: number, wanted: number, isPooled: boolean, refusal: Error | undefined): Finding {
  const said = refusal === undefined ? 'the others waited in vain' : textOf(refusal);
  return problem(
    'connections',
    `A worker may need ${wanted} connections at once and gets ${got}: ${said}.`,
    isPooled
      ? `Raise the pool of the pooler (default_pool_size) by ${wanted - got} at least, or lower worker.concurrency.`
      : 'Raise max_connections, or the limit of the role or the database, or lower worker.concurrency.',
  );
}

function pooled(isByTransaction: boolean, hasHooks: boolean): Finding {
  if (!isByTransaction) return ok('pooler', 'A pooler stands before PostgreSQL. It gave each connection its own.');
  const message = 'A pooler stands before PostgreSQL, and gives each transaction another connection.';
  if (!hasHooks) return ok('pooler', `${message} Spillway needs no more.`);
  return warning(
    'pooler',
    `${message} What onCreateConnection or onReserveConnection sets does not last, or reaches other clients.`,
    'Set role and search_path for the role or the database (alter role … set search_path), and remove the hook.',
  );
}
