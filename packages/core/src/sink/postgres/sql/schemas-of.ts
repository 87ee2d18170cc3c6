import type { Table } from '../../table.js';
import type { Session } from '../session.js';
import { tableName } from './quote.js';

/** @returns table -> its schema, if the table exists: the search path decides for a name without a schema */
export async function schemasOf(session: Session, tables: readonly Table[]): Promise<ReadonlyMap<Table, string>> {
  const rows = await session.rows(
    `select n.nspname::text as schema from unnest($1::text[]) with ordinality as t(name, i)
left join pg_class as c on c.oid = to_regclass(t.name)
left join pg_namespace as n on n.oid = c.relnamespace order by t.i`,
    [tables.map(tableName)],
  );
  const schemas = new Map<Table, string>();
  for (const [position, table] of tables.entries()) {
    const schema = rows[position]?.[0];
    if (schema) schemas.set(table, schema);
  }
  return schemas;
}
