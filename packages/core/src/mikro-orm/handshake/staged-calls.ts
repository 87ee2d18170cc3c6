import type { DriverMethods } from '../contract/driver-methods.js';
import { stagedCall } from '../change/staging-unit.js';
import type { StagedWrites } from '../write/staged-writes.js';

type Answered = Pick<DriverMethods, 'find' | 'nativeInsertMany' | 'nativeUpdate' | 'nativeUpdateMany' | 'nativeDelete'>;

/**
 * Answers the driver calls of a staged flush, which bear its mark (`hookPersister`), in place of the database. Calls
 * without the mark go on to `next`.
 */
export function answerStagedCalls<Next extends Answered>(writes: StagedWrites, next: Next): Next & Answered {
  return {
    ...next,
    find: async (entity, where, options = {}) => {
      const staged = stagedCall(options);
      return staged ? writes.rows(staged, where, options['fields']) : next.find(entity, where, options);
    },
    nativeInsertMany: async (entity, data, options = {}, ...rest) => {
      const staged = stagedCall(options);
      return staged ? writes.insertMany(staged, data) : next.nativeInsertMany(entity, data, options, ...rest);
    },
    nativeUpdate: async (entity, where, data, options = {}) => {
      const staged = stagedCall(options);
      return staged ? writes.updateMany(staged, [data]) : next.nativeUpdate(entity, where, data, options);
    },
    nativeUpdateMany: async (entity, where, data, options = {}, ...rest) => {
      const staged = stagedCall(options);
      return staged ? writes.updateMany(staged, data) : next.nativeUpdateMany(entity, where, data, options, ...rest);
    },
    nativeDelete: async (entity, where, options = {}) => {
      const staged = stagedCall(options);
      return staged ? writes.delete(staged, where) : next.nativeDelete(entity, where, options);
    },
  };
}
