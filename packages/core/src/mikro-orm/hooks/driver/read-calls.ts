import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { incompatible } from '../../contract/assert-orm.js';
import type { DriverMethods, DriverOptions } from '../../contract/methods.js';
import { failingAsMikroOrm, signalOf } from '../../contract/call-context.js';
import type { Reads } from '../../read/reads.js';
import type { OwnDriver } from './own-driver.js';

type ReadMethods = Pick<DriverMethods, 'find' | 'findOne' | 'count' | 'loadFromPivotTable' | 'lockPessimistic'>;
type Stream = OwnDriver['stream'];

/** Set in the options of `findOne`, which answers by `find`: reads are hooked there. */
const SOUGHT: unique symbol = Symbol('spillway.sought');

interface Sought {
  isAsked: boolean;
}

/** Reads of MikroORM's driver: `Reads` decides what they wait for, and lays pending changes over their rows. */
export function readCalls(own: OwnDriver, reads: Reads): ReadMethods {
  return {
    find: async (entity, where, options = {}) => {
      const sought = soughtIn(options);
      if (sought) sought.isAsked = true;
      return reads.find(own.metaOf(entity, options), where, options, own.finderOf(entity), sought ? 'findOne' : 'find');
    },
    findOne: async (entity, where, options = {}) => {
      const sought: Sought = { isAsked: false };
      const asked: DriverOptions & { [SOUGHT]: Sought } = { ...options, [SOUGHT]: sought };
      const row = await own.methods.findOne(entity, where, asked);
      if (!sought.isAsked) throw incompatible('its driver answers findOne() without find()');
      return row;
    },
    count: async (entity, where, options = {}) => {
      const call = { call: 'count', hasRows: false };
      const query = await reads.beforeQuery(own.metaOf(entity, options), where, options, call);
      return query.run(async () => own.methods.count(entity, where, query.options));
    },
    loadFromPivotTable: async (property, owners, where, order, transaction, options = {}, ...rest) => {
      const call = { call: 'populate', order, transaction, hasRows: false };
      const query = await reads.beforeQuery(property.targetMeta, where, options, call);
      return own.methods.loadFromPivotTable(property, owners, where, order, transaction, query.options, ...rest);
    },
    lockPessimistic: async (entity, options = {}) => {
      await reads.beforeLock(own.metaOf(entity.constructor, options), entity, options);
      return own.methods.lockPessimistic(entity, options);
    },
  };
}

/** A stream has its own way to the database, and waits only before its first row. */
export function streamCall(
  own: OwnDriver,
  reads: Reads,
  driver: AbstractSqlDriver,
  before: (entity: unknown) => Promise<void> | undefined,
): Stream {
  return async function* stream(entity, where, options = {}) {
    await before(entity);
    const rows = reads.stream(own.metaOf(entity, options), where, options, {
      find: own.finderOf(entity),
      stream: (condition, asked) => own.stream(entity, condition, asked),
    });
    try {
      // Spillway's own waits end with the first row; later errors are MikroORM's.
      const first = await failingAsMikroOrm(signalOf(options), driver, async () => rows.next());
      if (first.done) return;
      yield first.value;
      yield* rows;
    } finally {
      // A caller may leave after the first row; the rows keep their connection until `return()`.
      await rows.return?.();
    }
  };
}

/** True for the parameters of a `find()` by which `findOne()` answers. */
export function isSought([, , options]: readonly unknown[]): boolean {
  return typeof options === 'object' && options !== null && SOUGHT in options;
}

function soughtIn(options: DriverOptions & { readonly [SOUGHT]?: Sought }): Sought | undefined {
  return options[SOUGHT];
}
