import type { EntityRegistry, TableName } from '../../change-sink.js';
import type { Session } from '../session.js';
import type { LedgerTables } from './tables.js';

/** Rows of the ledger that are no batches: of no shard, under a token that no batch has. They are never pruned. */
const NO_SHARD = -1;

/**
 * What rows are about: entities that are staged; tables of which a release keeps copies; and those of which none are
 * believed.
 */
const PREFIXES = ['staged:', 'copied:', 'disbelieved:'] as const;

export type RegistryPrefix = (typeof PREFIXES)[number];

/** The condition by which a row of the ledger is told from those of batches and of holds. */
export function isRegistryRow(alias: string): string {
  const begins = PREFIXES.map((prefix) => `starts_with(${alias}.token, '${prefix}')`);
  return `(${alias}.shard = ${NO_SHARD} and (${begins.join(' or ')}))`;
}

/** The table of which nobody believes copies, by its key in the registry. */
export const DISBELIEVED: RegistryPrefix = 'disbelieved:';

type Using = <T>(use: (session: Session) => Promise<T>) => Promise<T>;

/** What releases tell each other, beside the batches in the ledger: it is there already, and asked with the same rights. */
export class PostgresRegistry implements EntityRegistry {
  readonly #using: Using;
  readonly #tables: LedgerTables;
  readonly #namespace: string;
  readonly #prefix: RegistryPrefix;

  constructor(using: Using, tables: LedgerTables, namespace: string, prefix: RegistryPrefix) {
    this.#prefix = prefix;
    this.#using = using;
    this.#tables = tables;
    this.#namespace = namespace;
  }

  async add(entities: ReadonlyMap<string, TableName>): Promise<void> {
    if (entities.size === 0) return;
    const rows = [...entities].map(([entity, { schema, table }]) => ({ token: this.#prefix + entity, schema, table }));
    await this.#using((session) =>
      session.rows(
        `insert into ${this.#tables.batch} as t (namespace, token, shard, outcome)
select $1, row ->> 'token', ${NO_SHARD}, row - 'token' from jsonb_array_elements($2::jsonb) as row
on conflict (namespace, token) do update set outcome = excluded.outcome where t.outcome <> excluded.outcome`,
        [this.#namespace, JSON.stringify(rows)],
      ),
    );
  }

  async list(): Promise<ReadonlyMap<string, TableName>> {
    return this.#using(async (session) => {
      const rows = await session.rows(
        `select token, outcome ->> 'schema' as schema, outcome ->> 'table' as "table" from ${this.#tables.batch}
where namespace = $1 and shard = ${NO_SHARD} and starts_with(token, '${this.#prefix}')`,
        [this.#namespace],
      );
      return new Map(
        rows.map(([token, schema, table]) => [
          (token ?? '').slice(this.#prefix.length),
          { schema: schema ?? '', table: table ?? '' },
        ]),
      );
    });
  }

  async remove(entities: readonly string[]): Promise<void> {
    if (entities.length === 0) return;
    await this.#using((session) =>
      session.rows(
        `delete from ${this.#tables.batch} where namespace = $1 and shard = ${NO_SHARD} and token = any ($2)`,
        [this.#namespace, entities.map((entity) => this.#prefix + entity)],
      ),
    );
  }
}
