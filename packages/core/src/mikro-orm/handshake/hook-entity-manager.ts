import type { Connection, EntityManager, TransactionOptions } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { shareReadVersions } from '../change/staging-unit.js';
import { assertEntityManager } from '../contract/assert-orm.js';
import { wayOf } from '../transactions/transaction-option.js';
import type { StagedFlush } from '../write/staged-flush.js';
import { type FlushContext, planFlush } from './plan-flush.js';
import { hookUnitOfWork } from './hook-unit-of-work.js';
import { prepareSql } from '../write/prepare-sql.js';

// oxlint-disable-next-line typescript/no-explicit-any -- TypeScript requires these parameters of a mixin's base
export type EntityManagerClass = new (...parameters: any[]) => EntityManager;

/**
 * Replaces the class of entity managers by a subclass of it, once, when the first one is made: `em.fork()` then makes
 * them all. It must not happen earlier: an entity manager that is constructed before discovery poisons caches that
 * MikroORM keeps by class name.
 *
 * @param made told of the class before an entity manager is made of it
 */
export function hookEntityManager(
  driver: AbstractSqlDriver,
  made: (entityManager: EntityManagerClass) => void,
  context: FlushContext,
): void {
  const create = driver.createEntityManager.bind(driver);
  driver.createEntityManager = (useContext) => {
    Reflect.deleteProperty(driver, 'createEntityManager');
    context.watch.assertDiscovered();
    const first = create(false);
    assertEntityManager(first);
    const Hooked = withSpillway(first.constructor as EntityManagerClass, context);
    made(Hooked);
    const em = create(useContext);
    context.watch.assertHooked(em, Hooked);
    return em;
  };
}

function withSpillway(Base: EntityManagerClass, context: FlushContext): EntityManagerClass {
  class SpillwayEntityManager extends Base {
    readonly #flush: StagedFlush;

    constructor(...parameters: ConstructorParameters<EntityManagerClass>) {
      super(...parameters);
      this.#flush = hookUnitOfWork(this, context);
    }

    // The unit of work asks for the connection when it is about to open the flush's transaction.
    override getConnection(type?: 'read' | 'write'): Connection {
      const connection = super.getConnection(type);
      return type === 'write' && this.#flush ? flushConnection(connection, this, this.#flush, context) : connection;
    }

    override async transactional<T>(callback: (em: this) => T | Promise<T>, options?: TransactionOptions): Promise<T> {
      wayOf(options);
      return super.transactional(callback, options);
    }

    override fork(options?: Parameters<EntityManager['fork']>[0]): this {
      const fork = super.fork(options);
      // MikroORM forks with the transaction where a fork reads for its origin, as `em.refresh()` does.
      if (options?.clear === false || options?.keepTransactionContext)
        shareReadVersions(options.disableContextResolution ? this : this.getContext(false), fork);
      return fork;
    }
  }
  // MikroORM and its users know entity managers by name.
  Object.defineProperty(SpillwayEntityManager, 'name', { value: Base.name });
  return SpillwayEntityManager;
}

type Transactional = Connection['transactional'];

/**
 * The connection on which a flush opens its transaction: `getConnection('write').transactional()`, which MikroORM asks
 * once per flush outside of transactions. A staged flush sends no SQL, so it gets a placeholder: its work runs in no
 * transaction, then its changes are staged. All other calls reach the connection as they are.
 */
function flushConnection(
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
