import type { Table } from '../../table.js';
import type { Session } from '../session.js';
import { tableName } from '../sql/quote.js';
import type { RelationFacts } from './why-unfit.js';

/**
 * Reads the facts of tables from the catalogue. The answer leaves out tables that do not exist yet. `conperiod` is a
 * column of PostgreSQL 18, hence read by name; `8` is the bit of INSERT, `64` that of an `instead of` trigger.
 */
export async function readFacts(
  session: Session,
  tables: readonly Table[],
): Promise<ReadonlyMap<Table, RelationFacts>> {
  const wanted = tables.map((table, i) => ({ i, name: tableName(table) }));
  const rows = await session.rows(
    `select wanted.i, n.nspname::text, c.relkind::text,
  exists (select from pg_trigger as t where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 64 <> 0)::text,
  (pg_relation_is_updatable(c.oid, false) & 8 <> 0)::text,
  coalesce((
    select json_agg(json_build_object(
      'columns', (
        select json_agg(a.attname)
        from unnest(x.indkey::int2[]) with ordinality as k(number, position)
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.number
        where k.position <= x.indnkeyatts
      ),
      'isTemporal', coalesce((
        select bool_or((to_jsonb(con) ->> 'conperiod')::boolean) from pg_constraint as con where con.conindid = x.indexrelid
      ), false)
    ))
    from pg_index as x
    where x.indrelid = c.oid and x.indisunique and x.indisvalid and x.indpred is null and x.indexprs is null
  ), '[]')::text
from json_to_recordset($1::json) as wanted(i int, name text)
join pg_class as c on c.oid = to_regclass(wanted.name)
join pg_namespace as n on n.oid = c.relnamespace`,
    [JSON.stringify(wanted)],
  );
  return new Map(
    rows.flatMap(([i, schema, kind, hasInsteadOf, takesRows, keys]) => {
      const table = tables[Number(i)];
      if (table === undefined) return [];
      return [
        [
          table,
          {
            schema: schema ?? '',
            kind: kind ?? '',
            hasInsteadOf: hasInsteadOf === 'true',
            takesRows: takesRows === 'true',
            keys: JSON.parse(keys ?? '[]') as RelationFacts['keys'],
          },
        ],
      ];
    }),
  );
}
