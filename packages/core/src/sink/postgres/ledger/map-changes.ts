import { ORIGIN } from '../../../change/token.js';
import type { MapChange, MapChanges, MapPhase } from '../../map-changes.js';
import type { RegistryPlace } from '../registry/postgres-registry.js';
import type { Session } from '../session.js';
import type { OwnTables } from './tables.js';

const KIND = 'reshard';
const NAME = 'map';
/** Of the entry that tells the last move that has ended from every earlier one. */
const LAST = 'last';

/** The move of a namespace's shards that stands in the database, in the registry. */
export async function readMapChange(
  session: Session,
  { registry }: OwnTables,
  namespace: string,
): Promise<MapChange | undefined> {
  const [row] = await session.rows(
    `select schema_name, table_name from ${registry} where namespace = $1 and kind = $2 and name = $3`,
    [namespace, KIND, NAME],
  );
  if (!row) return undefined;
  const [from, fromShards, to, toShards] = JSON.parse(row[0] ?? '[]') as [string, number, string, number];
  return {
    from: { text: from, shards: fromShards },
    to: { text: to, shards: toShards },
    phase: row[1] === 'switching' ? 'switching' : 'draining',
  };
}

/** Names the last move of the namespace's shards that has ended; `undefined`: there was none. */
export async function readLastMove(
  session: Session,
  { registry }: OwnTables,
  namespace: string,
): Promise<string | undefined> {
  const [row] = await session.rows(
    `select schema_name from ${registry} where namespace = $1 and kind = $2 and name = $3`,
    [namespace, KIND, LAST],
  );
  return row?.[0] ?? undefined;
}

export class PostgresMapChanges implements MapChanges {
  readonly #place: RegistryPlace;

  constructor(place: RegistryPlace) {
    this.#place = place;
  }

  async current(): Promise<MapChange | undefined> {
    const { use, tables, namespace } = this.#place;
    return use(async (session) => readMapChange(session, tables, namespace));
  }

  async begin({ from, to }: Omit<MapChange, 'phase'>): Promise<MapChange> {
    const { use, tables, namespace } = this.#place;
    const maps = JSON.stringify([from.text, from.shards, to.text, to.shards]);
    await use(async (session) =>
      session.rows(
        // The right to delete is needed in the end, so it is tried before anything is done.
        `with tried as (delete from ${tables.shard} where namespace = $1 and false)
insert into ${tables.registry} (namespace, kind, name, schema_name, table_name)
values ($1, $2, $3, $4, 'draining') on conflict do nothing`,
        [namespace, KIND, NAME, maps],
      ),
    );
    return (await this.current()) ?? { from, to, phase: 'draining' };
  }

  async enter(phase: MapPhase): Promise<void> {
    const { use, tables, namespace } = this.#place;
    await use(async (session) =>
      session.rows(`update ${tables.registry} set table_name = $4 where namespace = $1 and kind = $2 and name = $3`, [
        namespace,
        KIND,
        NAME,
        phase,
      ]),
    );
  }

  async grow(shards: number): Promise<void> {
    const { use, tables, namespace } = this.#place;
    await use(async (session) =>
      session.rows(
        `insert into ${tables.shard} (namespace, shard, last_token)
select $1, shard, $3 from generate_series(0, $2::int - 1) as shard on conflict do nothing`,
        [namespace, shards, ORIGIN],
      ),
    );
  }

  async end(shards: number): Promise<void> {
    const { use, tables, namespace } = this.#place;
    await use(async (session) =>
      session.rows(
        `with surplus as (
  delete from ${tables.shard} where namespace = $1 and shard >= $4::int
), ended as (
  delete from ${tables.registry} where namespace = $1 and kind = $2 and name = $3 returning schema_name
)
insert into ${tables.registry} as t (namespace, kind, name, schema_name, table_name)
select $1, $2, $5, gen_random_uuid()::text, schema_name from ended
on conflict (namespace, kind, name) do update
set schema_name = excluded.schema_name, table_name = excluded.table_name`,
        [namespace, KIND, NAME, shards, LAST],
      ),
    );
  }

  async giveUp(): Promise<void> {
    const { use, tables, namespace } = this.#place;
    await use(async (session) =>
      session.rows(
        `delete from ${tables.registry} where namespace = $1 and kind = $2 and name = $3 and table_name = 'draining'`,
        [namespace, KIND, NAME],
      ),
    );
  }
}
