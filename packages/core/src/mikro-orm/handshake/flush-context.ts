import type { EntityManager } from '@mikro-orm/core';
import type { Leaving } from '../adoption/leaving.js';
import type { Validation } from '../validate/validation.js';
import type { CacheMarks } from '../write/cache-marks.js';
import type { SqlPreparation } from '../write/prepare-sql.js';
import type { ContractWatch } from './contract-watch.js';

/** Everything that the flushes of an ORM's entity managers need of Spillway. */
export interface FlushContext extends SqlPreparation {
  readonly watch: ContractWatch;
  readonly leaving: Leaving;
  readonly validation: Validation;
  readonly marks: CacheMarks;
  /**
   * Runs a flush in the transaction of its entity manager, if it has one, and apart from the query that has brought it
   * about (MikroORM's flush mode `AUTO`): the options of that query are none of the flush's.
   */
  readonly apart: <T>(em: EntityManager, flush: () => Promise<T>) => Promise<T>;
}
