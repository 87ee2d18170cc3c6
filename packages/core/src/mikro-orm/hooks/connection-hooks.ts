import type { MikroORM } from '@mikro-orm/core';
import type { CallerQuery } from '../../sink/change-sink.js';

/** The application's hooks for the connections of its ORM: it may set a role, or a search path. */
export interface ConnectionHooks {
  readonly onCreate?: (query: CallerQuery) => Promise<void>;
  readonly onReserve?: (query: CallerQuery) => Promise<void>;
}

type Hook = ((connection: unknown) => Promise<void>) | undefined;

/**
 * The application's hooks, for Spillway's connections.
 * @param outside runs a hook where no request is around it
 */
export function connectionHooks(
  config: MikroORM['config'],
  outside: <T>(act: () => Promise<T>) => Promise<T>,
): ConnectionHooks {
  const onCreate = config.get('onCreateConnection') as Hook;
  const onReserve = config.get('onReserveConnection') as Hook;
  // With a session context per connection, MikroORM begins each use with the context's settings; Spillway has none.
  const resets = config.get('sessionContext' as never) === 'connection';
  const run = (query: CallerQuery, hook: Hook): Promise<void> => outside(async () => hook?.(connectionOf(query)));
  return {
    ...(onCreate && { onCreate: (query) => run(query, onCreate) }),
    ...((resets || onReserve) && {
      onReserve: async (query) => {
        for (const statement of resets ? ['reset all', 'reset role'] : []) await query(statement, []);
        await run(query, onReserve);
      },
    }),
  };
}

/** A query as Kysely gives it to hooks. */
interface Compiled {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

function connectionOf(query: CallerQuery): object {
  const rowsOf = async ({ sql, parameters }: Compiled): Promise<readonly object[]> => query(sql, parameters);
  return {
    executeQuery: async (compiled: Compiled) => ({ rows: await rowsOf(compiled) }),
    streamQuery: async function* (compiled: Compiled) {
      yield { rows: await rowsOf(compiled) };
    },
  };
}
