import type { EntityManager } from '@mikro-orm/core';
import type { Leaving } from '../adoption/leaving.js';
import type { Validation } from '../validate/validation.js';
import type { CacheMarks } from '../write/cache-marks.js';
import type { SqlPreparation } from '../write/prepare-sql.js';
import type { ContractWatch } from './contract-watch.js';

/** The parts of Spillway that the flushes of an ORM's entity managers need. */
export interface FlushContext extends SqlPreparation {
  readonly watch: ContractWatch;
  readonly leaving: Leaving;
  readonly validation: Validation;
  readonly marks: CacheMarks;
  /**
   * Runs a flush in the transaction of its entity manager, if it has one. A query may cause a flush (MikroORM's flush
   * mode `AUTO`): the options of that query do not apply to the flush.
   */
  readonly apart: <T>(em: EntityManager, flush: () => Promise<T>) => Promise<T>;
}
