import type { EntityManager, UnitOfWork, AnyEntity, ChangeSet, DriverMethodOptions } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { failingAsMikroOrm, signalOfManager, unlessAborted } from '../contract/call-context.js';
import { assertUnchanged, addCounters, prepareSql, SqlValidation } from '../write/prepare-sql.js';
import { StagedFlush } from '../write/staged-flush.js';
import { type FlushContext, planFlushInside } from './plan-flush.js';
import {
  type OperationKind,
  DIRECT,
  DRAINED,
  isDirect,
  isDrained,
  STAGED,
  stagedCall,
  type StagedCall,
} from '../change/staging-unit.js';

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
  const persisted = hookPersist(em, uow, flush, context);
  hookClear(uow, flush, context);
  hookPersister(uow, flush, context, beforeSqlOf(em, flush, context, persisted));
  return flush;
}

/** A flush begins: lost calls are found out first. A flush that could not be staged may go by SQL. */
function hookCommit(em: EntityManager, uow: UnitOfWork, flush: StagedFlush, context: FlushContext): void {
  const { watch, leaving, transactions, sent, modes } = context;
  const commit = uow.commit.bind(uow);
  // A query may cause a flush (MikroORM's flush mode `AUTO`). The options of that query do not apply to the flush.
  const apart = async (act: () => Promise<void>): Promise<void> =>
    transactions.run(em.getTransactionContext(), async () => sent.apart(async () => modes.runWithout(act)));
  uow.commit = async () => {
    watch.asked('commit');
    const signal = signalOfManager(em);
    await failingAsMikroOrm(signal, em.getDriver() as AbstractSqlDriver, async () =>
      apart(async () => {
        // A flush with nothing to send ends well, aborted or not. Any other flush fails when it sends.
        if (signal?.aborted !== true) await unlessAborted(signal, async () => leaving.before([]));
        await flush.commit(commit);
      }),
    );
  };
}

/**
 * A flush writes its change sets. Outside of transactions, `flushConnection` in `hook-entity-manager.ts` has decided
 * how. In a transaction of the application this hook decides, and a held flush writes nothing in it.
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
      async (changes, tier) => {
        signalOfManager(em)?.throwIfAborted();
        return engine.writes.hold(changes, plan.caller, tier);
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

type Options = DriverMethodOptions & { [STAGED]?: StagedCall; [DRAINED]?: boolean; [DIRECT]?: boolean };

/**
 * The persister's three methods, as far as the hook depends on them. Each calls itself again, once per schema, with the
 * options that it was given.
 */
interface Persister {
  executeInserts(changeSets: ChangeSet<AnyEntity>[], options?: Options, withSchema?: boolean): Promise<void>;
  executeUpdates(
    changeSets: ChangeSet<AnyEntity>[],
    batched: boolean,
    options?: Options,
    withSchema?: boolean,
  ): Promise<void>;
  executeDeletes(changeSets: ChangeSet<AnyEntity>[], options?: Options, withSchema?: boolean): Promise<void>;
}

type BeforeSql = (
  kind: OperationKind,
  changeSets: readonly ChangeSet<AnyEntity>[],
  options: Options | undefined,
) => Promise<void>;

/**
 * The persister hands change sets to the driver: those of a staged flush with a tag, by which the driver's hooks know
 * them; others once they may be SQL. The methods are replaced on the instance: MikroORM looks them up there, and keeps
 * the instance itself private.
 */
function hookPersister(
  uow: UnitOfWork,
  flush: StagedFlush,
  { watch, validation }: FlushContext,
  beforeSql: BeforeSql,
): void {
  const persister: Persister = uow.getChangeSetPersister();
  const inserts = persister.executeInserts.bind(persister);
  const updates = persister.executeUpdates.bind(persister);
  const deletes = persister.executeDeletes.bind(persister);

  persister.executeInserts = async (changeSets, options, withSchema) =>
    writing('insert', changeSets, options, (tagged) => inserts(changeSets, tagged, withSchema));
  persister.executeUpdates = async (changeSets, batched, options, withSchema) =>
    writing('update', changeSets, options, (tagged) => updates(changeSets, batched, tagged, withSchema));
  persister.executeDeletes = async (changeSets, options, withSchema) =>
    writing('delete', changeSets, options, (tagged) => deletes(changeSets, tagged, withSchema));

  async function writing(
    kind: OperationKind,
    changeSets: ChangeSet<AnyEntity>[],
    options: Options | undefined,
    write: (tagged: Options | undefined) => Promise<void>,
  ): Promise<void> {
    const tagged = await tagFor(kind, changeSets, options);
    await watch.persisting(changeSets, () => write(tagged));
  }

  async function tagFor(
    kind: OperationKind,
    changeSets: ChangeSet<AnyEntity>[],
    options: Options | undefined,
  ): Promise<Options> {
    const again = stagedCall(options);
    const unit = again?.unit ?? flush.unit;
    if (unit) {
      if (!again) unit.expect(changeSets);
      return { ...options, [STAGED]: { unit, changeSets } };
    }
    // `em.insert(entity)` makes change sets of its own. The driver checks calls past the unit of work: calls that give
    // plain data arrive there too.
    if (kind === 'insert' && !uow.getChangeSets().some((changeSet) => changeSet === changeSets[0])) {
      if (!isDirect(options)) await validation.changeSets(changeSets);
      return { ...options, [DIRECT]: true };
    }
    if (!isDrained(options)) await beforeSql(kind, changeSets, options);
    return { ...options, [DRAINED]: true };
  }
}

/** What happens before change sets of a flush are written by SQL, in the transaction that writes them. */
function beforeSqlOf(em: EntityManager, flush: StagedFlush, context: FlushContext, persisted: Persisted): BeforeSql {
  const { types, engine, watch, validation, leaving } = context;
  // Most entity managers never write a flush by SQL.
  let sqlValidation: SqlValidation | undefined;
  return async (kind, changeSets, options) => {
    if (!persisted.isRunning) watch.assertNonePastPersist(changeSets);
    await leaving.before(changeSets.map(({ meta }) => meta));
    sqlValidation ??= new SqlValidation(em, validation, flush.states);
    await sqlValidation.before(changeSets);
    if (!flush.isPreparedForSql) {
      if (!em.isInTransaction()) watch.assertNoneWithoutTransaction(changeSets);
      await prepareSql(em, context);
    }
    // In a transaction of the application no other reason is known, so the transaction is the reason.
    for (const { meta } of changeSets)
      if (types.of(meta)) engine.writes.count(meta.className, `sql:${flush.sqlReason ?? 'transaction'}`);
    if (kind === 'update') addCounters(types, changeSets);
    const asked = options as Readonly<Record<string, unknown>> | undefined;
    if (kind === 'delete' && flush.fallback === 'down')
      await assertUnchanged(changeSets, types, em.getDriver(), asked?.['ctx']);
    await engine.cache?.beforeChangeSets(kind, changeSets, asked);
  };
}
