import type { IDatabaseDriver, Routine, RoutineArgs, RoutineReturn } from '@mikro-orm/core';
import type { QueryMode } from '../policy/query-mode.js';

/** The option that Spillway adds to MikroORM's queries. */
export interface QueryOption {
  /**
   * What this query, and those that populate its relations, make of pending changes of write-behind entities, whatever the policies say: wait until they are written (`'drain'`), lay
   * them over (`'overlay'`), or see PostgreSQL as it is (`'database'`). A look-up by key lays them over by default; in a transaction nothing is laid over.
   */
  spillway?: QueryMode;
}

declare module '@mikro-orm/core' {
  interface EntityManager<Driver extends IDatabaseDriver = IDatabaseDriver> {
    /**
     * As MikroORM declares it, with Spillway's option: a routine may read and change everything, so what is pending is
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
