import { database, type Database, urlOfApplication } from '@spillway/test-support';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ORIGIN } from '../../../src/change/token.js';
import type { ChangeSink } from '../../../src/sink/change-sink.js';
import type { CacheDoubts } from '../../../src/sink/cache-doubts.js';
import { openPostgresDoubts } from '../../../src/sink/postgres/cache/open-postgres-doubts.js';
import { openPostgresSink } from '../../../src/sink/postgres/open-postgres-sink.js';

/** The tables as a release made them that kept the registry in the ledger. */
const OLDER_TABLES = `
create table spillway_shard (
  namespace text not null, shard int not null, last_token text not null,
  identity uuid not null default gen_random_uuid(), primary key (namespace, shard)
);
create table spillway_batch (
  namespace text not null, token text not null, shard int not null, outcome jsonb not null,
  written_at timestamptz not null default now(), primary key (namespace, token)
);
create index spillway_batch_age on spillway_batch (namespace, written_at);
create table spillway_doubt (
  id uuid not null primary key, namespace text not null, used_at timestamptz not null default now()
);
insert into spillway_shard (namespace, shard, last_token) select 'shop', shard, '${ORIGIN}' from generate_series(0, 1) as shard;`;

const BOOK = { schema: 'public', table: 'book' };
const CART = { schema: 'of "some", kind', table: 'c.art' };
const DAY_MS = 86_400_000;

let db: Database;
let sql: pg.Client;
const opened: (ChangeSink | CacheDoubts)[] = [];

beforeEach(async () => {
  db = await database();
  // Who owns tables may complete them.
  sql = new pg.Client({ connectionString: urlOfApplication(db.url) });
  await sql.connect();
  await sql.query(OLDER_TABLES);
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await sql.end();
  await db.drop();
});

const options = () => ({ connection: { connectionString: db.url }, namespace: 'shop' });

function sinkOfThisRelease(): ChangeSink {
  const sink = openPostgresSink({ ...options(), poolSize: 2, tables: [] });
  opened.push(sink);
  return sink;
}

/** What an older release sends, word for word. */
class OlderRelease {
  async add(prefix: string, tables: Readonly<Record<string, typeof BOOK>>): Promise<void> {
    const rows = Object.entries(tables).map(([name, table]) => ({ token: prefix + name, ...table }));
    await sql.query(
      `insert into spillway_batch as t (namespace, token, shard, outcome)
select $1, row ->> 'token', -1, row - 'token' from jsonb_array_elements($2::jsonb) as row
on conflict (namespace, token) do update set outcome = excluded.outcome where t.outcome <> excluded.outcome`,
      ['shop', JSON.stringify(rows)],
    );
  }

  async list(prefix: string): Promise<Readonly<Record<string, typeof BOOK>>> {
    const { rows } = await sql.query<{ token: string; schema: string; table: string }>(
      `select token, outcome ->> 'schema' as schema, outcome ->> 'table' as "table" from spillway_batch
where namespace = $1 and shard = -1 and starts_with(token, '${prefix}')`,
      ['shop'],
    );
    return Object.fromEntries(rows.map(({ token, schema, table }) => [token.slice(prefix.length), { schema, table }]));
  }

  async remove(prefix: string, names: readonly string[]): Promise<void> {
    await sql.query(`delete from spillway_batch where namespace = $1 and shard = -1 and token = any ($2)`, [
      'shop',
      names.map((name) => prefix + name),
    ]);
  }
}

const older = new OlderRelease();

async function everythingTold(): Promise<void> {
  await older.add('staged:', { Book: BOOK, 'Cart: "old"': CART });
  await older.add('copied:', { 'public.book': BOOK, 'of "some", kind.c.art': CART });
  await older.add('disbelieved:', { 'of "some", kind.c.art': CART });
  // A hold and a batch, which are no entries.
  await sql.query(`insert into spillway_batch (namespace, token, shard, outcome)
values ('shop', 'staged', -1, '{"v":1,"o":[]}'), ('shop', 'token', 0, '{"v":1,"o":[]}'),
('other', 'staged:Theirs', -1, '{"schema":"public","table":"theirs"}')`);
}

async function told({ registry, copies }: ChangeSink) {
  return {
    staged: Object.fromEntries(await registry.list()),
    copied: await copies.kept.list(),
    disbelieved: await copies.disbelieved.list(),
  };
}

const EVERYTHING = {
  staged: { Book: BOOK, 'Cart: "old"': CART },
  copied: [BOOK, CART],
  disbelieved: [CART],
};

/** Entries of all namespaces, as they stand in the table. */
async function entries(): Promise<readonly string[]> {
  const { rows } = await sql.query<{ entry: string }>(
    `select concat_ws(' ', namespace, kind, name, schema_name, table_name) as entry from spillway_registry`,
  );
  return rows.map(({ entry }) => entry).toSorted();
}

const MOVED = [
  'other staged Theirs public theirs',
  'shop copied ["of \\"some\\", kind","c.art"] of "some", kind c.art',
  'shop copied ["public","book"] public book',
  'shop disbelieved ["of \\"some\\", kind","c.art"] of "some", kind c.art',
  'shop staged Book public book',
  'shop staged Cart: "old" of "some", kind c.art',
];

/** The migration of docs/operations.md. */
function migration(): string {
  const text = readFileSync(new URL('../../../../../docs/operations.md', import.meta.url), 'utf8');
  return /^```sql\n-- registry\.sql\n(.*?)^```/msu.exec(text)?.[1] ?? 'select from no_such_block';
}

describe('tables of an older release', () => {
  test('are completed at the first use, with what stands in the ledger', async () => {
    await everythingTold();
    const sink = sinkOfThisRelease();
    await sink.prepare(2, true);
    expect(await told(sink)).toEqual(EVERYTHING);
    expect(await entries()).toEqual(MOVED);
    // A second process finds everything there.
    await sinkOfThisRelease().prepare(2, true);
    expect(await entries()).toEqual(MOVED);
  });

  test('are completed by the migration that the documents show', async () => {
    await everythingTold();
    await sql.query(migration());
    expect(await entries()).toEqual(MOVED);
    const sink = sinkOfThisRelease();
    await sink.prepare(2, false);
    expect(await told(sink)).toEqual(EVERYTHING);
  });

  test('are refused by a process that may not complete them, which names the table that is missing', async () => {
    const sink = sinkOfThisRelease();
    const { registry, copies } = sink;
    for (const use of [() => sink.prepare(2, false), () => registry.list(), () => copies.disbelieved.list()])
      await expect(use()).rejects.toThrow(/spillway_registry.*CONFIG_INVALID/s);
  });

  test('say that the namespace is in use, to a process that asks before it opens anything', async () => {
    const sink = sinkOfThisRelease();
    expect(await sink.isPrepared(false)).toBe(true);
    await expect(sink.registry.list()).rejects.toThrow(/CONFIG_INVALID/);
    await older.add('staged:', { Book: BOOK });
    expect(await sink.isPrepared(true)).toBe(true);
    expect(await told(sink)).toEqual({ staged: { Book: BOOK }, copied: [], disbelieved: [] });
  });

  test('without the namespace are those of others, and are left alone', async () => {
    const sink = openPostgresSink({ ...options(), namespace: 'new', poolSize: 1, tables: [] });
    opened.push(sink);
    expect(await sink.isPrepared(true)).toBe(false);
    await expect(entries()).rejects.toThrow(/spillway_registry/);
  });
});

describe('an older release beside this one', () => {
  let sink: ChangeSink;
  beforeEach(async () => {
    sink = sinkOfThisRelease();
    await sink.prepare(2, true);
  });

  test('is seen: what it begins to stage, to copy, and not to believe', async () => {
    await everythingTold();
    expect(await told(sink)).toEqual(EVERYTHING);
    await older.remove('staged:', ['Book']);
    expect((await told(sink)).staged).toEqual({ 'Cart: "old"': CART });
  });

  test('sees what this one begins to stage, to copy, and not to believe, and what it ends', async () => {
    await sink.registry.add(new Map([['Book', BOOK]]));
    await sink.copies.kept.add([BOOK, CART]);
    await sink.copies.disbelieved.add([CART]);
    expect(await older.list('staged:')).toEqual({ Book: BOOK });
    expect(await older.list('copied:')).toEqual({ 'public.book': BOOK, 'of "some", kind.c.art': CART });
    expect(await older.list('disbelieved:')).toEqual({ 'of "some", kind.c.art': CART });

    await sink.registry.remove(['Book']);
    await sink.copies.kept.remove([CART]);
    await sink.copies.disbelieved.remove([CART]);
    expect(await older.list('staged:')).toEqual({});
    expect(await older.list('copied:')).toEqual({ 'public.book': BOOK });
    expect(await older.list('disbelieved:')).toEqual({});
    expect(await told(sink)).toEqual({ staged: {}, copied: [BOOK], disbelieved: [] });
  });

  test('may have one name for two tables, which this one tells apart', async () => {
    const alike = ['a', 'a.b'].map((schema) => ({ schema, table: schema === 'a' ? 'b.c' : 'c' }));
    await sink.copies.kept.add(alike);
    expect((await told(sink)).copied).toHaveLength(2);
    expect(Object.keys(await older.list('copied:'))).toEqual(['a.b.c']);
  });

  test('keeps what it has told until it ends it, however old, and this one its own by itself', async () => {
    await older.add('staged:', { Book: BOOK });
    await sink.registry.add(new Map([['Cart', CART]]));
    await sql.query(`update spillway_batch set written_at = now() - interval '1 year'`);
    await sink.prune(7 * DAY_MS, []);
    expect((await told(sink)).staged).toEqual({ Book: BOOK, Cart: CART });
    expect(await older.list('staged:')).toEqual({ Book: BOOK, Cart: CART });
    // A release whose pruning knows of no registry.
    await sql.query('delete from spillway_batch');
    expect((await told(sink)).staged).toEqual({ Cart: CART });
  });

  test('has its word about copies believed, within the second in which readers ask', async () => {
    const doubts = openPostgresDoubts({ ...options(), copied: () => [BOOK, CART] });
    opened.push(doubts);
    expect(await doubts.look()).toEqual({ areNone: true, believed: [BOOK, CART] });
    await older.add('disbelieved:', { 'of "some", kind.c.art': CART });
    expect(await doubts.look()).toEqual({ areNone: true, believed: [BOOK] });
    await sink.copies.disbelieved.add([BOOK]);
    expect((await doubts.look()).believed).toEqual([]);
    await sql.query(`insert into spillway_doubt (id, namespace) values (gen_random_uuid(), 'shop')`);
    expect((await doubts.look()).areNone).toBe(false);
  });

  test('a table that an entity has changed for another is told once, by its new name', async () => {
    await sink.registry.add(new Map([['Book', BOOK]]));
    await sink.registry.add(new Map([['Book', CART]]));
    expect((await told(sink)).staged).toEqual({ Book: CART });
    expect(await older.list('staged:')).toEqual({ Book: CART });
  });
});
