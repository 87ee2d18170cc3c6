import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallerQuery } from '../../sink/change-sink.js';

/** What MikroORM has of Kysely, as far as it is needed: what holds a connection, or gets one. */
export interface KyselyExecutor {
  getExecutor(): {
    provideConnection<T>(use: (connection: KyselyConnection) => Promise<T>): Promise<T>;
  };
}

interface KyselyConnection {
  executeQuery(query: object): Promise<{ readonly rows: readonly object[] }>;
}

interface Holding {
  readonly transaction: object;
  query: CallerQuery | undefined;
}

const holding = new AsyncLocalStorage<Holding>();

/** Runs statements on the connection of a transaction; others wait until that is over, but not those who ask on the way. */
export async function alone<T>(
  transaction: KyselyExecutor,
  identity: object,
  use: (query: CallerQuery) => Promise<T>,
): Promise<T> {
  const around = holding.getStore();
  if (around?.query && around.transaction === identity) return use(around.query);
  return onConnection(transaction, async (query) => {
    const own: Holding = { transaction: identity, query };
    try {
      return await holding.run(own, () => use(query));
    } finally {
      own.query = undefined;
    }
  });
}

/** Runs statements on a connection that nobody else has meanwhile. */
export async function onConnection<T>(kysely: KyselyExecutor, use: (query: CallerQuery) => Promise<T>): Promise<T> {
  return kysely.getExecutor().provideConnection((connection) =>
    use(async (sql, parameters) => {
      const { rows } = await connection.executeQuery(compiled(sql, parameters));
      return rows;
    }),
  );
}

/** As Kysely's `CompiledQuery.raw` makes them; MikroORM does not hand that on. */
export function compiled(sql: string, parameters: readonly unknown[]): object {
  return {
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: crypto.randomUUID() },
  };
}
