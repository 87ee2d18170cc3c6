import type { Misfit } from '../../database-examination.js';
import type { Column, Table } from '../../table.js';
import { readFacts } from '../catalogue/read-facts.js';
import { whyUnfit } from '../catalogue/why-unfit.js';
import type { Session } from '../session.js';
import { tableName } from '../sql/quote.js';

/** Compares tables with their entities: whether they are there, their keys, and their columns. */
export async function misfits(session: Session, tables: readonly Table[]): Promise<readonly Misfit[]> {
  const facts = await readFacts(session, tables);
  const columns = await columnsOf(session, tables);
  return tables.flatMap((table, at) => {
    const found = facts.get(table);
    const place = { entity: table.entity, table: `${found?.schema ?? table.schema}.${table.name}` };
    if (found === undefined) return [{ ...place, isFatal: true, what: 'does not exist' }];
    const unfit = whyUnfit(table, found);
    const ofKey = unfit === undefined ? [] : [{ isFatal: true, what: unfit }];
    return [...ofKey, ...columnMisfits(table, columns.get(at) ?? [])].map((each) => ({ ...place, ...each }));
  });
}

interface FoundColumn {
  readonly name: string;
  readonly type: string;
  /** It has to be given a value, and nothing else gives it one. */
  readonly isRequired: boolean;
  /** The type that the entity has for it is another one. */
  readonly isOfAnotherType: boolean;
}

function columnMisfits(table: Table, found: readonly FoundColumn[]): Pick<Misfit, 'isFatal' | 'what'>[] {
  const wanted = columnsIn(table);
  const byName = new Map(found.map((column) => [column.name, column]));
  const names = new Set(wanted.map(({ name }) => name));
  const missing = wanted
    .filter(({ name }) => !byName.has(name))
    .map(({ name, property }) => ({ isFatal: true, what: `has no column "${name}", which ${property} needs` }));
  const required = found
    .filter(({ name, isRequired }) => isRequired && !names.has(name))
    .map(({ name }) => ({
      isFatal: true,
      what: `has a column "${name}" that is not null and has no default, and the entity has no property for it`,
    }));
  const others = wanted
    .filter(({ name }) => byName.get(name)?.isOfAnotherType === true)
    .map(({ name, type }) => ({
      isFatal: false,
      what: `has a column "${name}" of type ${byName.get(name)?.type}, and the entity says ${type}`,
    }));
  return [...missing, ...required, ...others];
}

function columnsIn({ key, columns, version }: Table): readonly Column[] {
  const all = [...key, ...Object.values(columns), ...(version ? [version.column] : [])];
  return [...new Map(all.map((column) => [column.name, column])).values()];
}

/**
 * Position of the table -> its columns. Types of one kind (texts, numbers, times) may stand for each other; `U` is the
 * kind of all that are like no other, such as json and bytea.
 */
async function columnsOf(
  session: Session,
  tables: readonly Table[],
): Promise<ReadonlyMap<number, readonly FoundColumn[]>> {
  const wanted = tables.map((table, i) => ({
    i,
    name: tableName(table),
    types: Object.fromEntries(columnsIn(table).map(({ name, type }) => [name, type])),
  }));
  const rows = await session.rows(
    `select wanted.i::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
  (a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '')::text,
  coalesce(t.oid <> a.atttypid and (t.typcategory <> own.typcategory or t.typcategory = 'U'), false)::text
from json_to_recordset($1::json) as wanted(i int, name text, types json)
join pg_attribute as a on a.attrelid = to_regclass(wanted.name)
join pg_type as own on own.oid = a.atttypid
left join pg_type as t on t.oid = to_regtype(wanted.types ->> a.attname)
where a.attnum > 0 and not a.attisdropped`,
    [JSON.stringify(wanted)],
  );
  const found = rows.map(([i, name, type, isRequired, isOfAnotherType]) => ({
    at: Number(i),
    name: name ?? '',
    type: type ?? '',
    isRequired: isRequired === 'true',
    isOfAnotherType: isOfAnotherType === 'true',
  }));
  return Map.groupBy(found, ({ at }) => at);
}
