import pg from 'pg';
import type { TableName } from '../../../change/row-key.js';
import type { Paused, PausedEntities } from '../../paused-entities.js';
import type { OwnTables } from '../ledger/tables.js';
import type { RegistryPlace } from './postgres-registry.js';

/** The name of the entry that pauses all. No class has it. */
const ALL = '*';

/** The paused entities, as entries of the table `spillway_registry`. Releases before pauses do not look at them. */
export class PostgresPaused implements PausedEntities {
  readonly #place: RegistryPlace;

  constructor(place: RegistryPlace) {
    this.#place = place;
  }

  async add(entity: string | undefined, { schema, table }: TableName = { schema: '', table: '' }): Promise<void> {
    const { use, namespace, tables } = this.#place;
    await use((session) =>
      session.rows(
        `insert into ${tables.registry} (namespace, kind, name, schema_name, table_name)
values ($1, 'paused', $2, $3, $4)
on conflict (namespace, kind, name) do update set schema_name = excluded.schema_name, table_name = excluded.table_name`,
        [namespace, entity ?? ALL, schema, table],
      ),
    );
  }

  async remove(entity: string | undefined): Promise<void> {
    const { use, namespace, tables } = this.#place;
    await use((session) =>
      session.rows(`delete from ${tables.registry} where namespace = $1 and kind = 'paused' and name = $2`, [
        namespace,
        entity ?? ALL,
      ]),
    );
  }

  async list(): Promise<Paused> {
    const { use, namespace, tables } = this.#place;
    return use(async (session) => pausedIn(await session.rows(pausedText(tables, namespace), [])));
  }
}

/** The statement that a flush sends with the one that locks its shards. */
export function pausedText({ registry }: OwnTables, namespace: string): string {
  return `select name, schema_name, table_name from ${registry} where namespace = ${pg.escapeLiteral(namespace)} and kind = 'paused' order by name`;
}

/** What it has answered. */
export function pausedIn(rows: readonly (readonly (string | null)[])[]): Paused {
  const isAll = rows.some(([name]) => name === ALL);
  const named = rows.filter(([name]) => name !== ALL);
  return {
    isAll,
    entities: new Map(
      named.map(([name, schema, table]) => [name ?? '', { schema: schema ?? '', table: table ?? '' }] as const),
    ),
  };
}
