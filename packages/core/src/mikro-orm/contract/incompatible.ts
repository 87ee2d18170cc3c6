import { Utils } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';

/** MikroORM is not as the hooks need it, so this flush or read may go past Spillway. */
export function incompatible(what: string): SpillwayError {
  return new SpillwayError(
    'ORM_INCOMPATIBLE',
    `This version of MikroORM (${Utils.getORMVersion()}) does not fit Spillway: ${what}. Spillway needs @mikro-orm/core and @mikro-orm/postgresql ^7.1.9; update one of them`,
  );
}
