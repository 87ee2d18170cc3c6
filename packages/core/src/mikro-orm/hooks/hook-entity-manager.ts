import type { Connection, EntityManager, TransactionOptions, UnitOfWork } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { unlessAborted } from '../../abort.js';
import { SpillwayError } from '../../errors.js';
import type { Change } from '../../change/change.js';
import type { StageResult } from '../../staging/stager.js';
import type { CallersTransaction } from '../transactions/caller.js';
import { assertEntityManager } from './contract-check.js';
import type { ContractWatch } from './contract-watch.js';
import type { Leaving } from '../adoption/leaving.js';
import { assertUnchanged } from '../write/assert-unchanged.js';
import { flushContent } from '../write/flush-content.js';
import { flushMode, whyBySql } from '../write/flush-scope.js';
import { hasSession } from '../contract/has-session.js';
import { hookPersister } from './hook-persister.js';
import type { CacheMarks } from '../write/cache-marks.js';
import { hookQueries, type QueryHooks } from './hook-queries.js';
import { addCounters, prepareSql, type SqlPreparation } from '../write/prepare-sql.js';
import { wayOf } from '../transactions/transaction-option.js';
import { shareReadVersions } from '../change/read-versions.js';
import { failingAsMikroOrm, signalOfManager } from '../contract/signals.js';
import { StagedFlush } from '../write/staged-flush.js';
import { SqlValidation } from '../write/sql-validation.js';
import type { Validation } from '../validate/validation.js';

// oxlint-disable-next-line typescript/no-explicit-any -- TypeScript takes a class as a mixin's base only with these parameters
type Constructor = new (...parameters: any[]) => EntityManager;
type Transactional = Connection['transactional'];

interface FlushContext extends SqlPreparation {
  readonly watch: ContractWatch;
  readonly leaving: Leaving;
  readonly validation: Validation;
  readonly marks: CacheMarks;
  readonly queries: QueryHooks;
}

/**
 * Replaces the class of entity managers by a subclass of it, once, when the first one is made: `em.fork()` then makes them all. It must not happen earlier: an entity manager that is
 * constructed before discovery poisons caches that MikroORM keeps by class name.
 */
export function hookEntityManager(
  driver: AbstractSqlDriver,
  setClass: (entityManager: Constructor) => void,
  context: FlushContext,
): void {
  const create = driver.createEntityManager.bind(driver);
  driver.createEntityManager = (useContext) => {
    Reflect.deleteProperty(driver, 'createEntityManager');
    context.watch.assertDiscovered();
    const first = create(false);
    assertEntityManager(first);
    const Hooked = withSpillway(first.constructor as Constructor, context);
    hookQueries(Hooked, context.queries);
    setClass(Hooked);
    const em = create(useContext);
    context.watch.assertHooked(em, Hooked);
    return em;
  };
}

function withSpillway(Base: Constructor, context: FlushContext): Constructor {
  class SpillwayEntityManager extends Base {
    readonly #flush: StagedFlush;

    constructor(...parameters: ConstructorParameters<Constructor>) {
      super(...parameters);
      this.#flush = hookUnitOfWork(this, context);
    }

    // The last that the unit of work asks before it asks for a transaction.
    override getPlatform(): ReturnType<EntityManager['getPlatform']> {
      // Asked by the constructor too, before there is anything of ours.
      if (#flush in this) this.#flush.decide();
      return super.getPlatform();
    }

    // A flush that is held writes nothing in the transaction. So the unit of work shall begin one for it, which is none: there it is held.
    override isInTransaction(): boolean {
      return super.isInTransaction() && !(this.#flush.isDecided() && holdsFlush(this, context));
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

    // The unit of work asks its entity manager for the connection when it is about to open the flush's transaction.
    override getConnection(type?: 'read' | 'write'): Connection {
      const connection = super.getConnection(type);
      return type === 'write' && this.#flush ? flushConnection(connection, this, this.#flush, context) : connection;
    }
  }
  // MikroORM and its users know entity managers by name.
  Object.defineProperty(SpillwayEntityManager, 'name', { value: Base.name });
  return SpillwayEntityManager;
}

function hookUnitOfWork(em: EntityManager, context: FlushContext): StagedFlush {
  const { types, engine, watch, queries, marks, validation, leaving } = context;
  const uow: UnitOfWork = em.getUnitOfWork(false);
  const flush = new StagedFlush(engine, em, types, validation);
  const sqlValidation = new SqlValidation(em, validation, flush.states);
  const commit = uow.commit.bind(uow);
  const clear = uow.clear.bind(uow);
  uow.commit = async () => {
    watch.asked('commit');
    const signal = signalOfManager(em);
    const flushing = async (): Promise<void> => {
      // A flush without anything to send ends well, aborted or not; one that has something fails when it sends it.
      if (signal?.aborted !== true) await unlessAborted(signal, async () => leaving.before([]));
      await queries.sent.apart(async () => queries.modes.runWithout(async () => flush.commit(commit)));
    };
    await failingAsMikroOrm(signal, em.getDriver() as AbstractSqlDriver, async () => queries.inside(em, flushing));
  };
  uow.clear = () => {
    watch.asked('clear');
    flush.forget();
    clear();
  };
  hookPersister(uow, {
    get unit() {
      return flush.unit;
    },
    watch,
    isFlushing: ([first]) => first !== undefined && uow.getChangeSets().includes(first),
    beforeDirect: (changeSets) => validation.changeSets(changeSets),
    beforeStatement: async (kind, changeSets, options) => {
      if (kind === 'delete' && flush.fallback === 'down')
        await assertUnchanged(changeSets, types, em.getDriver(), options?.['ctx']);
      await marks.beforeChangeSets(kind, changeSets, options);
    },
    beforeSql: async (changeSets, kind) => {
      await leaving.before(changeSets.map(({ meta }) => meta));
      await sqlValidation.before(changeSets);
      if (!flush.isPreparedForSql) {
        if (!em.isInTransaction()) watch.assertNoneWithoutTransaction(changeSets);
        await prepareSql(em, context);
      }
      // In a transaction of the application nothing has asked for a reason: that is one.
      for (const { meta } of changeSets)
        if (types.of(meta)) engine.count(meta.className, `sql:${flush.sqlReason ?? 'transaction'}`);
      if (kind === 'update') addCounters(types, changeSets);
    },
  });
  return flush;
}

/** Whether the flush that is about to be written runs in a transaction that holds all that it writes. */
function holdsFlush(em: EntityManager, { types, transactions }: FlushContext): boolean {
  const caller = transactions.of(em.getTransactionContext());
  if (!caller || hasSession(em)) return false;
  const content = flushContent(em);
  const isHeld = content.changeSets.every(({ meta }) => {
    const type = types.of(meta);
    return type !== undefined && caller.holds(type.policy);
  });
  return isHeld && flushMode(types, content) === 'staged';
}

/**
 * A transaction with a role or a search path of its own writes what it changes itself. While staging cannot be opened,
 * that is for whoever stages to say.
 */
async function isAtHome(caller: CallersTransaction | undefined, { engine }: FlushContext): Promise<boolean> {
  if (!caller) return true;
  try {
    return await engine.isAtHome(caller);
  } catch (error) {
    if (error instanceof SpillwayError) return true;
    throw error;
  }
}

async function holdUnlessAborted(
  changes: readonly Change[],
  caller: CallersTransaction,
  em: EntityManager,
  { engine }: FlushContext,
): Promise<StageResult> {
  signalOfManager(em)?.throwIfAborted();
  return engine.hold(changes, caller);
}

/** The connection, with the one difference that the transaction of a staged flush is not one. */
function flushConnection(
  connection: Connection,
  em: EntityManager,
  flush: StagedFlush,
  context: FlushContext,
): Connection {
  const transactional: Transactional = async (callback, options) => {
    // Only the unit of work's own transaction has a broadcaster and runs while change sets are there.
    const content = options?.eventBroadcaster && flushContent(em);
    const found = content ? flushMode(context.types, content) : 'plain';
    const caller = context.transactions.of(em.getTransactionContext());
    const staysSql = found === 'staged' && (hasSession(em) || flush.fallback || !(await isAtHome(caller, context)));
    const mode = staysSql ? 'sql' : found;
    if (mode !== 'plain') context.watch.assertCommitted();
    if (mode === 'staged') {
      let answer: unknown;
      const persist = async (): Promise<void> => {
        // No transaction: what MikroORM hands on as its context is nothing.
        answer = await callback(undefined);
      };
      await (caller
        ? flush.run(persist, async (changes) => holdUnlessAborted(changes, caller, em, context))
        : flush.run(persist));
      return answer as never;
    }
    if (mode === 'plain') return connection.transactional(callback, options);
    // Before the transaction begins: it then has no locks that what is pending could wait for.
    if (flush.fallback !== 'down') await prepareSql(em, context);
    const reason = content && found === 'sql' ? whyBySql(context.types, content) : undefined;
    return flush.preparedForSql(reason ?? (flush.fallback ? 'fallback' : 'session'), () =>
      connection.transactional(callback, options),
    );
  };
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === 'transactional') return transactional;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
