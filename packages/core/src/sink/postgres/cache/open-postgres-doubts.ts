import { tableText, type TableName } from '../../../change/row-key.js';
import type { CacheDoubts, Execute } from '../../cache-doubts.js';
import { ownFailureOf } from '../fault.js';
import { ownTablesIn } from '../ledger/tables.js';
import { DEFAULT_LIMITS, type PostgresSinkOptions } from '../options.js';
import { onPrimary } from '../on-primary.js';
import { openConnections } from '../open-connections.js';
import type { Connections } from '../connections.js';
import { olderToken } from '../registry/older-rows.js';
import type { Session } from '../session.js';

/**
 * Opens the cache's questions to PostgreSQL, on one connection of their own, because the application's transactions
 * hold theirs meanwhile. It connects at the first call.
 */
export function openPostgresDoubts(options: DoubtsOptions): CacheDoubts {
  return new PostgresDoubts(options);
}

interface DoubtsOptions extends Pick<
  PostgresSinkOptions,
  'connection' | 'hooks' | 'home' | 'shared' | 'schema' | 'namespace' | 'onIdleError'
> {
  /** The tables whose copies may be believed at all. Asked each time, for an ORM may come to know entities later. */
  readonly copied: () => readonly TableName[];
}

class PostgresDoubts implements CacheDoubts {
  readonly #connections: Connections;
  readonly #doubt: string;
  readonly #batch: string;
  readonly #registry: string;
  readonly #copied: () => readonly TableName[];
  readonly #namespace: string;

  constructor(options: DoubtsOptions) {
    this.#connections = openConnections({ ...options, poolSize: 1 }, DEFAULT_LIMITS);
    const { doubt, batch, registry } = ownTablesIn(options.schema ?? 'public');
    this.#doubt = doubt;
    this.#batch = batch;
    this.#registry = registry;
    this.#copied = options.copied;
    this.#namespace = options.namespace;
  }

  async look(): Promise<{ readonly areNone: boolean; readonly believed: readonly TableName[] }> {
    const copied = this.#copied();
    const found = await this.#rows(
      `(select '' as name from ${this.#doubt} where namespace = $1 limit 1)
union all
select name from ${this.#registry} where namespace = $1 and kind = 'disbelieved' and name = any($2)
union all
select token from ${this.#batch} where namespace = $1 and token = any($2)`,
      [this.#namespace, copied.flatMap(namesOf)],
    );
    const names = new Set(found.map(([name]) => name ?? ''));
    const believed = copied.filter((table) => !namesOf(table).some((name) => names.has(name)));
    return { areNone: !names.has(''), believed };
  }

  async raise(id: string): Promise<void> {
    await this.#rows(`insert into ${this.#doubt} (id, namespace) values ($1, $2)`, [id, this.#namespace]);
  }

  async renew(id: string): Promise<boolean> {
    const found = await this.#rows(`update ${this.#doubt} set used_at = now() where id = $1 returning id`, [id]);
    return found.length > 0;
  }

  /**
   * Takes a lock, not the doubt's row: a REPEATABLE READ transaction does not see a row that was committed after it
   * began.
   */
  async hold(id: string, execute: Execute): Promise<void> {
    const lock = 'select 1 as held from (select pg_advisory_xact_lock_shared(hashtextextended(?, 0))) as lock';
    await execute(onPrimary(lock), [lockOf(id)]);
  }

  async settle(idleMs: number, own: string | undefined, forget: () => Promise<void>): Promise<void> {
    await this.#transaction(async (session) => {
      const idle = await session.rows(
        `select id from ${this.#doubt}
where namespace = $1 and (id = $3::uuid or used_at < now() - $2::float8 * interval '1 millisecond')`,
        [this.#namespace, idleMs, own ?? null],
      );
      const free: string[] = [];
      for (const [id = null] of idle) {
        if (id === null) continue;
        const [lock] = await session.rows(`select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked`, [
          lockOf(id),
        ]);
        if (lock?.[0]?.startsWith('t')) free.push(id);
      }
      if (free.length === 0) return;
      await forget();
      await session.rows(`delete from ${this.#doubt} where id = any($1::uuid[])`, [free]);
    });
  }

  async numberOf(execute: Execute): Promise<string> {
    const [row] = await execute(onPrimary('select txid_current()::text as number'), []);
    return String(row?.['number']);
  }

  /**
   * A number that the server has not reached yet belongs to a transaction that began after the snapshot, or that was
   * lost with another server.
   */
  async ended(transactions: readonly string[]): Promise<readonly string[]> {
    const found = await this.#rows(
      `select number::text from (
  select number, number >= txid_snapshot_xmax(txid_current_snapshot()) as later from unnest($1::bigint[]) as asked(number)
) as given
where not later and coalesce(case when not later then txid_status(number) end, 'ended') <> 'in progress'`,
      [[...transactions]],
    );
    return found.flatMap(([number]) => number ?? []);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  cutOff(): void {
    this.#connections.cutOff();
  }

  async #rows(text: string, values: readonly unknown[]): ReturnType<Session['rows']> {
    try {
      return await this.#connections.use((session) => session.rows(text, values));
    } catch (error) {
      throw ownFailureOf(error);
    }
  }

  async #transaction(act: (session: Session) => Promise<void>): Promise<void> {
    try {
      const transaction = await this.#connections.begin();
      let isBroken = true;
      try {
        if (transaction.opening !== '') await transaction.session.script(transaction.opening);
        await act(transaction.session);
        await transaction.commit();
        isBroken = false;
      } finally {
        await transaction.end(isBroken);
      }
    } catch (error) {
      throw ownFailureOf(error);
    }
  }
}

function lockOf(id: string): string {
  return `spillway:doubt:${id}`;
}

/** The names of a table in the registry: as this release, and as older ones, look for it. */
function namesOf(table: TableName): readonly string[] {
  return [tableText(table), olderToken('disbelieved', '', table)];
}
