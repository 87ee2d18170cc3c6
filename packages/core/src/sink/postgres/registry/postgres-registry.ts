import { tableText, type TableName } from '../../../change/row-key.js';
import type { EntityRegistry, TableRegistry } from '../../registry.js';
import type { OwnTables } from '../ledger/tables.js';
import type { Session } from '../session.js';
import { isOlderRow, NO_SHARD, OLDER_ENTRY, OLDER_KIND, OLDER_NAME, olderToken } from './older-rows.js';

/**
 * The kinds of entries: entities that are staged; tables of which copies are kept; tables whose copies are not
 * believed.
 */
export type RegistryKind = 'staged' | 'copied' | 'disbelieved';

/** The place of the registry, and how it is queried. */
export interface RegistryPlace {
  readonly use: <T>(act: (session: Session) => Promise<T>) => Promise<T>;
  readonly tables: OwnTables;
  readonly namespace: string;
}

/**
 * The table `spillway_registry`, by which releases inform each other: the entries of one kind, each a name and its
 * table.
 */
export class PostgresRegistry implements EntityRegistry {
  readonly #place: RegistryPlace;
  readonly #kind: RegistryKind;

  constructor(place: RegistryPlace, kind: RegistryKind) {
    this.#place = place;
    this.#kind = kind;
  }

  async add(entries: ReadonlyMap<string, TableName>): Promise<void> {
    if (entries.size === 0) return;
    const { use, namespace, tables } = this.#place;
    const { registry, batch } = tables;
    const rows = [...entries].map(([name, { schema, table }]) => ({
      name,
      schema_name: schema,
      table_name: table,
      token: olderToken(this.#kind, name, { schema, table }),
      outcome: { schema, table },
    }));
    await use((session) =>
      session.rows(
        `with entry as (
  select * from jsonb_to_recordset($3::jsonb)
    as e(name text, schema_name text, table_name text, token text, outcome jsonb)
), older as (
  insert into ${batch} as t (namespace, token, shard, outcome)
  select distinct on (entry.token) $1, entry.token, ${NO_SHARD}, entry.outcome from entry
  on conflict (namespace, token) do update set outcome = excluded.outcome where t.outcome <> excluded.outcome
)
insert into ${registry} as t (namespace, kind, name, schema_name, table_name)
select $1, $2, entry.name, entry.schema_name, entry.table_name from entry order by entry.name
on conflict (namespace, kind, name) do update set schema_name = excluded.schema_name, table_name = excluded.table_name
where (t.schema_name, t.table_name) <> (excluded.schema_name, excluded.table_name)`,
        [namespace, this.#kind, JSON.stringify(rows)],
      ),
    );
  }

  async list(): Promise<ReadonlyMap<string, TableName>> {
    const { use, namespace, tables } = this.#place;
    const { registry, batch } = tables;
    return use(async (session) => {
      const rows = await session.rows(
        `select name, schema_name, table_name from (
  select ${OLDER_ENTRY} from ${batch} as old where old.namespace = $1 and ${isOlderRow('old')}
  union all
  select namespace, kind, name, schema_name, table_name from ${registry} where namespace = $1
) as entry where kind = $2`,
        [namespace, this.#kind],
      );
      return new Map(
        rows.map(([name, schema, table]) => [name ?? '', { schema: schema ?? '', table: table ?? '' }] as const),
      );
    });
  }

  async remove(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const { use, namespace, tables } = this.#place;
    const { registry, batch } = tables;
    await use((session) =>
      session.rows(
        `with older as (
  delete from ${batch} as old
  where old.namespace = $1 and ${isOlderRow('old')} and ${OLDER_KIND} = $2 and ${OLDER_NAME} = any($3::text[])
)
delete from ${registry} where namespace = $1 and kind = $2 and name = any($3::text[])`,
        [namespace, this.#kind, [...names]],
      ),
    );
  }
}

/** Entries of tables: their name is the table's. */
export class PostgresTableRegistry implements TableRegistry {
  readonly #entries: PostgresRegistry;

  constructor(place: RegistryPlace, kind: RegistryKind) {
    this.#entries = new PostgresRegistry(place, kind);
  }

  async add(tables: readonly TableName[]): Promise<void> {
    await this.#entries.add(new Map(tables.map((table) => [tableText(table), table])));
  }

  async list(): Promise<readonly TableName[]> {
    return [...(await this.#entries.list()).values()];
  }

  async remove(tables: readonly TableName[]): Promise<void> {
    await this.#entries.remove(tables.map(tableText));
  }
}
