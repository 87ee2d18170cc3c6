import type { Connection, EntityManager } from '@mikro-orm/core';
import { prepareSql } from '../write/prepare-sql.js';
import type { StagedFlush } from '../write/staged-flush.js';
import type { FlushContext } from './flush-context.js';
import { planFlush } from './plan-flush.js';

type Transactional = Connection['transactional'];

/**
 * The connection on which a flush opens its transaction: `getConnection('write').transactional()`, which MikroORM asks
 * once per flush outside of transactions. A staged flush sends no SQL, so it gets a placeholder: its work runs in no
 * transaction, then its changes are staged. All other calls reach the connection as they are.
 */
export function flushConnection(
  connection: Connection,
  em: EntityManager,
  flush: StagedFlush,
  context: FlushContext,
): Connection {
  const transactional: Transactional = async (callback, options) => {
    // Only the unit of work's own transaction has a broadcaster.
    const plan = options?.eventBroadcaster ? planFlush(em, flush, context) : ({ kind: 'plain' } as const);
    if (plan.kind === 'plain') return connection.transactional(callback, options);
    context.watch.assertCommitted();
    if (plan.kind === 'staged') {
      let answer: unknown;
      await flush.run(async () => {
        answer = await callback(undefined);
      });
      return answer as never;
    }
    // The transaction has not begun, so it holds no locks that pending changes could wait for.
    if (flush.fallback !== 'down') await prepareSql(em, context);
    return flush.preparedForSql(plan.reason, () => connection.transactional(callback, options));
  };
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === 'transactional') return transactional;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
