import type { IDatabaseDriver, Routine, RoutineArgs, RoutineReturn } from '@mikro-orm/core';
import type { QueryMode } from '../policy/query-mode.js';

/** The option that Spillway adds to MikroORM's queries. */
export interface QueryOption {
  /**
   * How this query, and the queries that populate its relations, treat pending changes of write-behind entities,
   * whatever the policies say: wait until they are written (`'drain'`), lay them over (`'overlay'`), or see PostgreSQL
   * as it is (`'database'`). A look-up by key lays them over by default; in a transaction nothing is laid over.
   * @example
   * ```ts
   * await em.find(Product, { price: { $lt: 5 } }, { spillway: 'overlay' }); // shows pending prices
   * ```
   */
  spillway?: QueryMode;
}

declare module '@mikro-orm/core' {
  interface EntityManager<Driver extends IDatabaseDriver = IDatabaseDriver> {
    /**
     * As MikroORM declares it, with Spillway's option. A routine may read and change everything, so pending changes are
     * written first, unless the policies (`queries`) or this call say `'database'`.
     */
    callRoutine<R extends Routine>(routine: R, args: RoutineArgs<R>, options?: QueryOption): Promise<RoutineReturn<R>>;
  }

  interface FindOptions<
    Entity,
    Hint extends string = never,
    Fields extends string = never,
    Excludes extends string = never,
  > extends QueryOption {}

  interface CountOptions<T extends object, P extends string = never> extends QueryOption {}

  interface CountByOptions<T extends object> extends QueryOption {}

  interface EntityLoaderOptions<
    Entity,
    Fields extends string = never,
    Excludes extends string = never,
  > extends QueryOption {}
}
