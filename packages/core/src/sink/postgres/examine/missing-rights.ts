import type { MissingRights } from '../../database-examination.js';
import type { Table } from '../../table.js';
import type { OwnTables } from '../ledger/tables.js';
import type { Session } from '../session.js';
import { tableName } from '../sql/quote.js';

/**
 * The rights that a role needs and lacks, by table. Tables are looked up in the catalogue, because `to_regclass` fails
 * where the role may not use the schema. A right on some columns counts: the application may have been given no more.
 */
export async function missingRights(
  session: Session,
  { shard, batch, doubt, registry, schema }: OwnTables,
  tables: readonly Table[],
): Promise<readonly MissingRights[]> {
  const schemas = [...new Set([schema, ...tables.map((table) => quotedSchema(table)).filter((each) => each !== '')])];
  const closed = await session.rows(
    `select format('%I', nspname) from pg_namespace
where format('"%s"', replace(nspname, '"', '""')) = any ($1::text[]) and not has_schema_privilege(oid, 'usage')`,
    [schemas],
  );
  if (closed.length > 0) return closed.map(([name]) => ({ table: `schema ${name ?? ''}`, rights: ['usage'] }));
  const rows = await session.rows(
    `select n.nspname || '.' || c.relname, string_agg(needed.privilege, ',' order by needed.position)
from unnest($1::text[]) as wanted(name)
join pg_class as c on c.oid = to_regclass(wanted.name)
join pg_namespace as n on n.oid = c.relnamespace
cross join unnest(array['select', 'insert', 'update', 'delete']) with ordinality as needed(privilege, position)
where not has_table_privilege(c.oid, needed.privilege)
  and (needed.privilege = 'delete' or not has_any_column_privilege(c.oid, needed.privilege))
group by 1
order by 1`,
    [[shard, batch, doubt, registry, ...tables.map(tableName)]],
  );
  return rows
    .map(([table, rights]) => ({ table: table ?? '', rights: withoutMoving(table ?? '', rights ?? '') }))
    .filter(({ rights }) => rights.length > 0);
}

/** Only `reshard()` deletes shards, and it tries that right itself. */
function withoutMoving(table: string, rights: string): readonly string[] {
  return rights.split(',').filter((right) => !(table.endsWith('.spillway_shard') && right === 'delete'));
}

function quotedSchema({ schema }: Table): string {
  return schema === '' ? '' : `"${schema.replaceAll('"', '""')}"`;
}
