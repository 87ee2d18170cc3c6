import type { EntityManager, EntityMetadata, EntityName } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { readQueryMode, type QueryMode } from '../../policy/query-mode.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { QueryModes } from '../read/running-queries.js';
import type { EngineLeaving } from '../engine.js';
import type { Reads } from '../read/reads.js';
import { failingAsMikroOrm, signalOf, signalOfManager, unlessAborted } from '../contract/call-context.js';
import { FIND_METHODS, QUERY_METHODS, VIEW_METHOD } from '../contract/methods.js';
import type { CallersTransactions } from '../transactions/caller.js';
import { replaceMethod } from './replace-method.js';

type Options = Readonly<Record<string, unknown>>;
// The methods are generic over entities that are unknown here.
type Query = (this: EntityManager, entity: never, what: never, options?: Options) => Promise<unknown>;

interface QueryHooks {
  readonly types: TypeRegistry;
  readonly modes: QueryModes;
  readonly reads: Reads;
  readonly leaving: EngineLeaving;
  readonly transactions: CallersTransactions;
}

type Routine = (
  this: EntityManager,
  routine: { readonly name: string },
  args: unknown,
  options?: Options,
) => Promise<unknown>;

/**
 * Lets a query have pending changes drained, laid over or left alone (`{ spillway: … }`), also for the queries that
 * populate its results. Makes `em.countBy()`, which goes past the driver, wait as `em.count()` does.
 */
export function hookQueries(entityManager: { readonly prototype: EntityManager }, hooks: QueryHooks): void {
  const { types, modes, reads, leaving, transactions } = hooks;
  const { prototype } = entityManager;
  for (const name of FIND_METHODS)
    replaceMethod<Query>(
      prototype,
      name,
      (original) =>
        async function (this: EntityManager, entity, what, options) {
          const asked = readQueryMode(options?.['spillway']);
          const queried = overlays(this, entity, asked) ? { strategy: 'select-in', ...options } : options;
          return modes.run(asked, async () => original.call(this, entity, what, queried));
        },
    );
  for (const name of QUERY_METHODS)
    replaceMethod<Query>(
      prototype,
      name,
      (original) =>
        async function (this: EntityManager, entity, what, options) {
          return modes.run(readQueryMode(options?.['spillway']), async () =>
            original.call(this, entity, what, options),
          );
        },
    );
  replaceMethod<Query>(
    prototype,
    'countBy',
    (original) =>
      async function (this: EntityManager, entity, groupBy, options = {}) {
        const ctx: unknown = this.getTransactionContext();
        const signal = signalOf(options) ?? signalOfManager(this);
        const queried = { ...options, signal, em: this, ...(ctx !== undefined && { ctx }) };
        const meta = metaOf(this, entity);
        const asked = await failingAsMikroOrm(signal, this.getDriver() as AbstractSqlDriver, async () =>
          transactions.run(ctx, async () => {
            await unlessAborted(signal, async () => leaving.before([meta]));
            return reads.beforeQuery(meta, options['where'], queried, { call: 'countBy', hasRows: false });
          }),
        );
        const { connectionType } = asked.options;
        return asked.run(async () =>
          original.call(this, entity, groupBy, {
            ...options,
            ...(connectionType !== undefined && { connectionType }),
          }),
        );
      },
  );

  hookWholeDatabase(prototype, hooks);

  // Pending changes can be laid over rows of a query of their own, but not over rows that are joined into others.
  function overlays(em: EntityManager, entity: EntityName, asked: QueryMode | undefined): boolean {
    const mode = asked ?? modes.of({}) ?? types.of(em.getMetadata().find(entity))?.policy.queries;
    return mode === 'overlay';
  }
}

/** Routines and views read tables that Spillway cannot see, so they may read everything. */
function hookWholeDatabase(prototype: EntityManager, { reads, leaving, transactions }: QueryHooks): void {
  const before = async (em: EntityManager, caller: string, asked?: QueryMode): Promise<void> =>
    transactions.run(em.getTransactionContext(), async () => {
      await leaving.before([]);
      await reads.beforeAnything(caller, em.getTransactionContext(), asked);
    });
  replaceMethod<Routine>(
    prototype,
    'callRoutine',
    (original) =>
      async function (this: EntityManager, routine, args, options) {
        await before(this, `${routine.name}.callRoutine`, readQueryMode(options?.['spillway']));
        return original.call(this, routine, args);
      },
  );
  // The rows stay in the view until its next refresh, so policies of queries do not apply.
  replaceMethod<Query>(
    prototype,
    VIEW_METHOD,
    (original) =>
      async function (this: EntityManager, view, options) {
        await before(this, `${metaOf(this, view).className}.refreshMaterializedView`, 'drain');
        return original.call(this, view, options);
      },
  );
}

function metaOf(em: EntityManager, entity: EntityName): EntityMetadata {
  return em.getMetadata().get(entity);
}
