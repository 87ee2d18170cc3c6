import { readFileSync } from 'node:fs';
import pg from 'pg';
import { LIMITED } from './limited.js';

/** The text of SECURITY.md. */
const security = (): string => readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');

/** What the SQL of SECURITY.md grants, by table; `product` stands for every table of an entity. */
export function documentedGrants(): ReadonlyMap<string, readonly string[]> {
  const sql = /^```sql\n-- rights\.sql\n(.*?)^```/msu.exec(security())?.[1] ?? '';
  const grants = sql.matchAll(/^grant ([\w, ]+) on (?!schema|sequence)([\w, ]+) to /gmu);
  return new Map(
    [...grants].flatMap(([, verbs = '', tables = '']) =>
      tables.split(', ').map((table): [string, readonly string[]] => [table, verbs.split(', ')]),
    ),
  );
}

/** What a schema generator needs beside that: it has nothing to do with rows that are written. */
const OF_GENERATORS = ['references', 'trigger', 'truncate'];

/**
 * Makes the role, and lets it have only the documented rights on each table of a database, whoever creates it. The role
 * may create tables, for the tests' schema generators; then it owns them, and is left no more than the documented
 * rights on its own rows all the same.
 */
export async function limitRights(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(setUp());
  } finally {
    await client.end();
  }
}

function setUp(): string {
  const grants = documentedGrants();
  const ofEntities = [...(grants.get('product') ?? []), ...OF_GENERATORS].join(', ');
  const cases = [...grants]
    .filter(([table]) => table !== 'product')
    .map(([table, verbs]) => `when '${table}' then '${verbs.join(', ')}'`);
  return `select pg_advisory_lock(7301);
do $$ begin
  if not exists (select from pg_roles where rolname = '${LIMITED.role}') then create role ${LIMITED.role} login createrole; end if;
end $$;
select pg_advisory_unlock(7301);
do $$ begin execute format('grant create on database %I to ${LIMITED.role}', current_database()); end $$;
grant usage, create on schema public to ${LIMITED.role};
create function information_schema.limit_rights() returns event_trigger language plpgsql security definer as $$
declare made record; name text; rights text;
begin
  for made in select * from pg_event_trigger_ddl_commands() where object_identity not like 'pg_temp%' loop
    if made.object_type = 'schema' then
      execute format('grant usage, create on schema %s to ${LIMITED.role}', made.object_identity);
    elsif made.object_type = 'sequence' then
      execute format('revoke all on sequence %s from ${LIMITED.role}', made.object_identity);
      execute format('grant usage on sequence %s to ${LIMITED.role}', made.object_identity);
    elsif made.object_type in ('table', 'view', 'materialized view', 'foreign table') and tg_tag not like 'ALTER%' then
      select relname into name from pg_class where oid = made.objid;
      rights := case name ${cases.join(' ')} else '${ofEntities}' end;
      execute format('revoke all on %s from ${LIMITED.role}', made.object_identity);
      execute format('grant %s on %s to ${LIMITED.role}', rights, made.object_identity);
    end if;
  end loop;
end $$;
create event trigger limit_rights on ddl_command_end
when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE VIEW', 'CREATE MATERIALIZED VIEW',
  'CREATE FOREIGN TABLE', 'CREATE SEQUENCE', 'CREATE SCHEMA', 'ALTER TABLE')
execute function information_schema.limit_rights()`;
}
