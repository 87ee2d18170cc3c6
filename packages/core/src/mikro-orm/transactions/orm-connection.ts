import type { Connection, MikroORM } from '@mikro-orm/core';
import type { SharedConnection } from '../../sink/shared-connection.js';
import type { CallersContext } from './caller.js';
import { compiled, onConnection, type KyselyExecutor } from './statements.js';

/** The connection of MikroORM and the Kysely in it, as far as they are needed. */
interface KyselyConnection extends Connection {
  getClient(): Kysely;
}

interface Kysely extends KyselyExecutor {
  startTransaction(): Command<Transaction>;
}

interface Transaction {
  executeQuery(query: object): Promise<{ readonly rows: readonly object[] }>;
  commit(): Command<unknown>;
  rollback(): Command<unknown>;
}

interface Command<T> {
  execute(): Promise<T>;
}

/**
 * The only connection of an ORM, for Spillway to take its turn on. Kysely gives it to one user at a time: for a
 * statement, or for a transaction from BEGIN to the end. Spillway's transactions are not the ORM's, so no subscriber
 * hears of them.
 */
export function ormConnection(orm: MikroORM, context: CallersContext): SharedConnection {
  // Asked each time: the ORM may have connected anew.
  const client = async (): Promise<Kysely> => {
    const connection = orm.driver.getConnection('write') as KyselyConnection;
    await connection.ensureConnection();
    return connection.getClient();
  };
  return {
    get inside() {
      return context.current;
    },
    use: async (act) => onConnection(await client(), act),
    begin: async () => {
      const transaction = await (await client()).startTransaction().execute();
      return {
        query: async (sql, parameters) => (await transaction.executeQuery(compiled(sql, parameters))).rows,
        commit: async () => void (await transaction.commit().execute()),
        rollback: async () => void (await transaction.rollback().execute()),
      };
    },
  };
}
