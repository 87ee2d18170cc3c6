/**
 * What a release has left in Redis and PostgreSQL, as a file: for clones without the history that holds the release.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import type pg from 'pg';
import { root } from '../../docs/markdown.js';

const FILE = path.join(root, 'test/consumer/upgrade/recorded.json');

interface Recorded {
  /** The commit of the release that has left it. */
  readonly release: string;
  /** Keys with what DUMP answers, in base64; and how long they still had, in milliseconds, or 0 without an end. */
  readonly keys: readonly { readonly key: string; readonly dump: string; readonly ttlMs: number }[];
  readonly tables: readonly { readonly name: string; readonly ddl: readonly string[]; readonly rows: unknown }[];
}

/** Writes the file. */
export async function record(release: string, redisUrl: string, sql: pg.Client): Promise<void> {
  const recorded: Recorded = { release, keys: await dumpKeys(redisUrl), tables: await dumpTables(sql) };
  writeFileSync(FILE, `${JSON.stringify(recorded, null, 2)}\n`);
}

/** Puts what the file has into an empty Redis and an empty database, and answers which release had left it. */
export async function restore(redisUrl: string, sql: pg.Client): Promise<string> {
  const { release, keys, tables } = JSON.parse(readFileSync(FILE, 'utf8')) as Recorded;
  const client = new Redis(redisUrl);
  for (const { key, dump, ttlMs } of keys)
    await client.restore(Buffer.from(key, 'base64'), ttlMs, Buffer.from(dump, 'base64'));
  client.disconnect();
  for (const { name, ddl, rows } of tables) {
    for (const statement of ddl) await sql.query(statement);
    await sql.query(`insert into ${name} select * from json_populate_recordset(null::${name}, $1)`, [
      JSON.stringify(rows),
    ]);
  }
  // As if the upgrade followed at once: what a batch has left in the ledger is pruned by its age.
  await sql.query('update spillway_batch set written_at = now()');
  return release;
}

async function dumpKeys(redisUrl: string): Promise<Recorded['keys']> {
  const client = new Redis(redisUrl);
  const keys = await client.keysBuffer('*');
  const dumped = await Promise.all(
    keys.map(async (key) => {
      const [dump, ttlMs] = await Promise.all([client.dumpBuffer(key), client.pttl(key)]);
      return { key: key.toString('base64'), dump: dump?.toString('base64') ?? '', ttlMs: Math.max(ttlMs, 0) };
    }),
  );
  client.disconnect();
  return dumped.toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

async function dumpTables(sql: pg.Client): Promise<Recorded['tables']> {
  const { rows: names } = await sql.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`,
  );
  const tables: Recorded['tables'][number][] = [];
  for (const { name } of names) {
    const { rows } = await sql.query<{ rows: unknown }>(
      `select coalesce(json_agg(each), '[]') as rows from ${name} as each`,
    );
    tables.push({ name, ddl: await ddlOf(sql, name), rows: rows[0]?.rows });
  }
  return tables;
}

/** The statements that make a table: its columns, then its constraints, then its other indexes. */
async function ddlOf(sql: pg.Client, name: string): Promise<string[]> {
  const { rows } = await sql.query<{ statement: string }>(
    `select format('create table %s (%s)', $1::text, string_agg(concat_ws(' ', quote_ident(attname),
       format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
       'default ' || pg_get_expr(adbin, adrelid)), ', ' order by attnum)) as statement
     from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
     where attrelid = $1::regclass and attnum > 0 and not attisdropped
     union all
     select format('alter table %s add constraint %I %s', $1::text, conname, pg_get_constraintdef(oid))
     from pg_constraint where conrelid = $1::regclass and contype <> 'n'
     union all
     select pg_get_indexdef(indexrelid) from pg_index where indrelid = $1::regclass
     and not exists (select from pg_constraint where conindid = indexrelid)`,
    [name],
  );
  return rows.map(({ statement }) => statement);
}
