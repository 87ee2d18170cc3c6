import type { EntityManager, UnitOfWork } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { unlessAborted } from '../../abort.js';
import { failingAsMikroOrm, signalOfManager } from '../contract/signals.js';
import { assertUnchanged } from '../write/assert-unchanged.js';
import { addCounters, prepareSql } from '../write/prepare-sql.js';
import { SqlValidation } from '../write/sql-validation.js';
import { StagedFlush } from '../write/staged-flush.js';
import type { FlushContext } from './flush-context.js';
import { hookPersister } from './hook-persister.js';
import { planFlushInside } from './plan-flush.js';

/** Private in MikroORM's types: writes change sets, in the transaction `ctx`. */
interface Persisting {
  persistToDatabase(groups: unknown, ctx?: unknown): Promise<void>;
}

/** Follows the flushes of one entity manager from `commit()` to the persister's calls. */
export function hookUnitOfWork(em: EntityManager, context: FlushContext): StagedFlush {
  const { types, engine, validation } = context;
  const uow: UnitOfWork = em.getUnitOfWork(false);
  const flush = new StagedFlush(engine.writes, em, types, validation);
  hookCommit(em, uow, flush, context);
  const persisting = hookPersist(em, uow, flush, context);
  hookClear(uow, flush, context);
  hookPersisterOf(em, uow, flush, context, persisting);
  return flush;
}

/** A flush begins: lost calls are found out first. A flush that could not be staged may go by SQL. */
function hookCommit(em: EntityManager, uow: UnitOfWork, flush: StagedFlush, context: FlushContext): void {
  const { watch, leaving, apart } = context;
  const commit = uow.commit.bind(uow);
  uow.commit = async () => {
    watch.asked('commit');
    const signal = signalOfManager(em);
    await failingAsMikroOrm(signal, em.getDriver() as AbstractSqlDriver, async () =>
      apart(em, async () => {
        // A flush with nothing to send ends well, aborted or not. Any other flush fails when it sends.
        if (signal?.aborted !== true) await unlessAborted(signal, async () => leaving.before([]));
        await flush.commit(commit);
      }),
    );
  };
}

/**
 * A flush writes its change sets. Outside of transactions `flushConnection` has decided how. In a transaction of the
 * application this hook decides, and a held flush writes nothing in it.
 */
function hookPersist(em: EntityManager, uow: UnitOfWork, flush: StagedFlush, context: FlushContext): Persisted {
  const { watch, engine } = context;
  const target = uow as unknown as Persisting;
  const persist = target.persistToDatabase.bind(uow);
  const persisted: Persisted = { isRunning: false };
  const planned = async (groups: unknown, ctx: unknown): Promise<void> => {
    const plan = await planFlushInside(em, flush, context);
    if (plan.kind === 'as-it-is') return persist(groups, ctx);
    watch.assertCommitted();
    if (plan.kind === 'sql') {
      await prepareSql(em, context);
      return flush.preparedForSql(plan.reason, async () => persist(groups, ctx));
    }
    return flush.run(
      async () => persist(groups),
      async (changes) => {
        signalOfManager(em)?.throwIfAborted();
        return engine.writes.hold(changes, plan.caller);
      },
    );
  };
  target.persistToDatabase = async (groups, ctx) => {
    const isInside = em.isInTransaction();
    persisted.isRunning = true;
    try {
      await (isInside ? planned(groups, ctx) : persist(groups, ctx));
    } finally {
      persisted.isRunning = false;
    }
  };
  return persisted;
}

/** Shows that the unit of work is writing change sets by `persistToDatabase()`. */
interface Persisted {
  isRunning: boolean;
}

/** The entity manager forgets its entities. */
function hookClear(uow: UnitOfWork, flush: StagedFlush, { watch }: FlushContext): void {
  const clear = uow.clear.bind(uow);
  uow.clear = () => {
    watch.asked('clear');
    flush.forget();
    clear();
  };
}

/**
 * The persister hands change sets to the driver: those of a staged flush with its mark, others once they may be SQL.
 */
function hookPersisterOf(
  em: EntityManager,
  uow: UnitOfWork,
  flush: StagedFlush,
  context: FlushContext,
  persisted: Persisted,
): void {
  const { types, engine, watch, marks, validation, leaving } = context;
  const sqlValidation = new SqlValidation(em, validation, flush.states);
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
      if (!persisted.isRunning) watch.assertNonePastPersist(changeSets);
      await leaving.before(changeSets.map(({ meta }) => meta));
      await sqlValidation.before(changeSets);
      if (!flush.isPreparedForSql) {
        if (!em.isInTransaction()) watch.assertNoneWithoutTransaction(changeSets);
        await prepareSql(em, context);
      }
      // In a transaction of the application no other reason is known, so the transaction is the reason.
      for (const { meta } of changeSets)
        if (types.of(meta)) engine.writes.count(meta.className, `sql:${flush.sqlReason ?? 'transaction'}`);
      if (kind === 'update') addCounters(types, changeSets);
    },
  });
}
