import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallerQuery } from '../../sink/change-sink.js';

/** The part of Kysely that MikroORM has and Spillway needs: an object that holds a connection, or gets one. */
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

/**
 * Runs statements on the connection of a transaction. Other statements wait until that is over, except those that `use`
 * itself causes.
 */
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

/** Runs statements on a connection that has no other user meanwhile. */
export async function onConnection<T>(kysely: KyselyExecutor, use: (query: CallerQuery) => Promise<T>): Promise<T> {
  return kysely.getExecutor().provideConnection((connection) =>
    use(async (sql, parameters) => {
      const { rows } = await connection.executeQuery(compiled(sql, parameters));
      return rows;
    }),
  );
}

/** A query in the form of Kysely's `CompiledQuery.raw`, which MikroORM does not hand on. */
export function compiled(sql: string, parameters: readonly unknown[]): object {
  return {
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: crypto.randomUUID() },
  };
}
