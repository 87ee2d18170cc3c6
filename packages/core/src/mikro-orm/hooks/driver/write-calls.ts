import type { EntityMetadata, QueryResult } from '@mikro-orm/core';
import { FELL_BACK, type Fallback } from '../../change/fallback.js';
import { isDirect, isDrained } from '../../change/staging-unit.js';
import type { DriverMethods, DriverOptions, Row } from '../../contract/methods.js';
import type { Validation } from '../../validate/validation.js';
import type { Engine, RowStatement } from '../../engine.js';
import type { DirectWrites } from '../../write/direct-writes.js';
import type { SqlWrites } from '../../write/sql-writes.js';
import type { OwnDriver } from './own-driver.js';

type WriteMethods = Pick<
  DriverMethods,
  | 'nativeInsert'
  | 'nativeInsertMany'
  | 'nativeUpdate'
  | 'nativeUpdateMany'
  | 'nativeDelete'
  | 'nativeClone'
  | 'syncCollections'
>;

export interface WriteHooks {
  readonly validation: Validation;
  readonly direct: DirectWrites;
  readonly sqlWrites: SqlWrites;
  readonly engine: Pick<Engine, 'cache'>;
}

/**
 * Writes past the unit of work, each in the same steps: its rows are validated; it is staged, if it can be; otherwise
 * pending changes of its rows are written, and its SQL is sent after the cache has been told.
 */
export function writeCalls(own: OwnDriver, hooks: WriteHooks): WriteMethods {
  return { ...insertCalls(own, hooks), ...updateCalls(own, hooks), ...otherCalls(own, hooks) };
}

type Inserts = Pick<WriteMethods, 'nativeInsert' | 'nativeInsertMany'>;
type Updates = Pick<WriteMethods, 'nativeUpdate' | 'nativeUpdateMany'>;

function insertCalls(own: OwnDriver, { validation, direct, sqlWrites }: WriteHooks): Inserts {
  return {
    nativeInsert: async (entity, data, options = {}) => {
      const meta = own.metaOf(entity, options);
      await validate(validation, meta, [data], 'new', options);
      const answer = await direct.insert(meta, [data], options);
      if (isAnswer(answer)) return withKey(answer, data, meta);
      await sqlWrites.beforeInsert(meta, [data], bySql(options, answer), 'insert');
      return own.methods.nativeInsert(entity, data, options);
    },
    nativeInsertMany: async (entity, data, options = {}, ...rest) => {
      const meta = own.metaOf(entity, options);
      await validate(validation, meta, data, 'new', options);
      const answer = await direct.insert(meta, data, options);
      if (isAnswer(answer)) return answer;
      await sqlWrites.beforeInsert(meta, data, bySql(options, answer), 'insertMany');
      return own.methods.nativeInsertMany(entity, data, options, ...rest);
    },
  };
}

function updateCalls(own: OwnDriver, { validation, direct, sqlWrites, engine }: WriteHooks): Updates {
  return {
    nativeUpdate: async (entity, where, data, options = {}) => {
      const meta = own.metaOf(entity, options);
      await validate(validation, meta, [data], options['upsert'] ? 'new' : 'changed', options);
      const find = own.finderOf(entity);
      const answer = options['upsert']
        ? await direct.upsert(meta, [where], [data], options, find, 'em.upsert()')
        : await direct.update(meta, where, data, options, find);
      if (isAnswer(answer)) return answer;
      const asked = bySql(options, answer);
      await sqlWrites.beforeWrite(meta, where, [data], asked, 'nativeUpdate');
      if (options['upsert']) await sqlWrites.beforeInsert(meta, [data], asked, 'upsert');
      const statement: RowStatement = { kind: 'update', meta, conditions: [where], data: [data] };
      return marked(engine, statement, options, (inside) =>
        sqlWrites.sendCriteria({ meta, where, options: asked, call: 'nativeUpdate' }, async () =>
          own.methods.nativeUpdate(entity, where, data, inside),
        ),
      );
    },
    nativeUpdateMany: async (entity, where, data, options = {}, ...rest) => {
      const meta = own.metaOf(entity, options);
      await validate(validation, meta, data, options['upsert'] ? 'new' : 'changed', options);
      const find = own.finderOf(entity);
      const answer = options['upsert']
        ? await direct.upsert(meta, where as unknown[], data, options, find, 'em.upsertMany()')
        : undefined;
      if (isAnswer(answer)) return answer;
      const asked = bySql(options, answer);
      await sqlWrites.beforeWrite(meta, where, data, asked, 'upsertMany');
      if (options['upsert']) await sqlWrites.beforeInsert(meta, data, asked, 'upsertMany');
      const conditions = Array.isArray(where) ? where : [where];
      return marked(engine, { kind: 'update', meta, conditions, data }, options, (inside) =>
        own.methods.nativeUpdateMany(entity, where, data, inside, ...rest),
      );
    },
  };
}

function otherCalls(
  own: OwnDriver,
  { validation, direct, sqlWrites, engine }: WriteHooks,
): Omit<WriteMethods, keyof Inserts | keyof Updates> {
  return {
    nativeDelete: async (entity, where, options = {}) => {
      const meta = own.metaOf(entity, options);
      const answer = await direct.delete(meta, where, options, own.finderOf(entity));
      if (isAnswer(answer)) return answer;
      const asked = bySql(options, answer);
      await sqlWrites.beforeWrite(meta, where, [], asked, 'nativeDelete');
      return marked(engine, { kind: 'delete', meta, conditions: [where] }, options, (inside) =>
        sqlWrites.sendCriteria({ meta, where, options: asked, call: 'nativeDelete' }, async () =>
          own.methods.nativeDelete(entity, where, inside),
        ),
      );
    },
    nativeClone: async (entity, where, overrides, options = {}) => {
      const meta = own.metaOf(entity, options);
      const rows = overrides ? [overrides] : [];
      await validate(validation, meta, rows, 'changed', options);
      await sqlWrites.beforeWrite(meta, where, rows, options, 'clone');
      return sqlWrites.sendCriteria({ meta, where, options, call: 'clone' }, async () =>
        own.methods.nativeClone(entity, where, overrides, options),
      );
    },
    syncCollections: async (collections, options = {}, ...rest) => {
      const changed = [...collections];
      await sqlWrites.beforeCollections(changed, options);
      const run = async (inside: DriverOptions): Promise<unknown> =>
        own.methods.syncCollections(changed, inside, ...rest);
      return engine.cache ? engine.cache.aroundCollections(changed, options, run) : run(options);
    },
  };
}

/** Rows of a unit of work, and rows that come as entities, have been validated already. */
async function validate(
  validation: Validation,
  meta: EntityMetadata,
  rows: readonly Row[],
  kind: 'new' | 'changed',
  options: DriverOptions,
): Promise<void> {
  if (isDrained(options) || isDirect(options)) return;
  await validation.rows(meta, rows, kind, options['convertCustomTypes'] === false);
}

/** A flush has told the cache already. */
async function marked(
  { cache }: Pick<Engine, 'cache'>,
  statement: RowStatement,
  options: DriverOptions,
  run: (options: DriverOptions) => Promise<unknown>,
): Promise<unknown> {
  return cache && !isDrained(options) ? cache.around(statement, options, run) : run(options);
}

function isAnswer(answer: QueryResult | Fallback | undefined): answer is QueryResult {
  return typeof answer === 'object';
}

/** The options by which a call goes on by SQL that was not staged, and may say why. */
function bySql(options: DriverOptions, way: QueryResult | Fallback | undefined): DriverOptions {
  return typeof way === 'string' ? { ...options, [FELL_BACK]: way } : options;
}

/** `em.insert()` answers the key that it was given, as it was given, and none of several columns. */
function withKey(answer: QueryResult, data: Row, { primaryKeys: [name = '', ...others] }: EntityMetadata): QueryResult {
  return { ...answer, insertId: (others.length > 0 ? undefined : (data[name] ?? answer.insertId)) as never };
}
