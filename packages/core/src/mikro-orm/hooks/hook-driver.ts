import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { Utils, helper, type AnyEntity, type Collection, type EntityMetadata, type QueryResult } from '@mikro-orm/core';
import { unlessAborted } from '../../abort.js';
import { failingAsMikroOrm, signalOf } from '../contract/signals.js';
import { incompatible } from '../contract/incompatible.js';
import type { Leaving } from '../adoption/leaving.js';
import type { ContractWatch } from './contract-watch.js';
import type { CacheMarks, Statement } from '../write/cache-marks.js';
import type { DirectWrites } from '../write/direct-writes.js';
import { soughtRows } from '../write/by-condition.js';
import { FELL_BACK, type Fallback } from '../change/fallback.js';
import type { Find, Reads } from '../read/reads.js';
import type { SqlWrites } from '../write/sql-writes.js';
import type { StagedWrites } from '../write/staged-writes.js';
import type { Validation } from '../validate/validation.js';
import { isDirect, isDrained, stagedCall } from '../change/staging-unit.js';

// The driver's methods are generic over entities that are not known here; what they are given and answer is plain data.
type Method = (...parameters: never[]) => Promise<unknown>;
type Methods = Record<DriverMethod, Method> & { stream: (...parameters: never[]) => AsyncIterableIterator<unknown> };
type DriverMethod =
  | 'find'
  | 'findOne'
  | 'nativeClone'
  | 'count'
  | 'nativeInsert'
  | 'nativeInsertMany'
  | 'nativeUpdate'
  | 'nativeUpdateMany'
  | 'nativeDelete'
  | 'loadFromPivotTable'
  | 'lockPessimistic'
  | 'syncCollections';

export const DRIVER_METHODS: readonly DriverMethod[] = [
  'find',
  'count',
  'findOne',
  'nativeInsert',
  'nativeInsertMany',
  'nativeUpdate',
  'nativeUpdateMany',
  'nativeDelete',
  'nativeClone',
  'loadFromPivotTable',
  'lockPessimistic',
  'syncCollections',
];

/** Calls that can be left at any moment, in no transaction: what they still do changes nothing. */
const READS: ReadonlySet<string> = new Set<DriverMethod>(['find', 'findOne', 'count', 'loadFromPivotTable']);

/** Set in the options of `findOne`, which answers by `find`: reads are hooked there. */
const SOUGHT: unique symbol = Symbol('spillway.sought');

type Options = Readonly<Record<string, unknown>> & { readonly [SOUGHT]?: { isAsked: boolean } };
type Payload = Record<string, unknown>;

/** Who answers the driver's calls. */
interface DriverHooks {
  readonly writes: StagedWrites;
  readonly direct: DirectWrites;
  readonly reads: Reads;
  readonly sqlWrites: SqlWrites;
  readonly watch: ContractWatch;
  readonly leaving: Leaving;
  readonly validation: Validation;
  readonly marks: CacheMarks;
  /** Runs what is done in a transaction, if there is one. */
  readonly within: <T>(ctx: unknown, act: () => Promise<T>) => Promise<T>;
}

/**
 * Puts Spillway between MikroORM and its driver: calls of a staged flush are answered by `StagedWrites`, look-ups and queries of write-behind entities go through
 * `Reads`, and what writes past the unit of work is staged by `DirectWrites` or, where only SQL can do it, waits until what is pending has been written. Everything about other entities
 * reaches the driver as it is.
 */
export function hookDriver(
  driver: AbstractSqlDriver,
  { writes, direct, reads, sqlWrites, watch, marks, validation, leaving, within }: DriverHooks,
): void {
  const target = driver as unknown as Methods;
  const original = Object.fromEntries(
    [...DRIVER_METHODS, 'stream' as const].map((name) => [name, target[name].bind(driver)]),
  ) as unknown as Methods;
  const call = (name: DriverMethod, parameters: readonly unknown[]): Promise<unknown> =>
    Reflect.apply(original[name], undefined, parameters);
  const metaOf = (entity: unknown, options: Options): EntityMetadata => {
    const meta = driver.getMetadata().get(entity as never);
    watch.assertCall(meta, options);
    return meta;
  };

  /** Rows that come as data past the unit of work; what comes from a unit of work, or as entities, has been validated already. */
  const validate = async (entity: unknown, data: readonly unknown[], kind: 'new' | 'changed', options: Options) => {
    if (isDrained(options) || isDirect(options)) return;
    const rows = data as readonly Payload[];
    await validation.rows(metaOf(entity, options), rows, kind, options['convertCustomTypes'] === false);
  };

  const finderOf =
    (entity: unknown): Find =>
    (where, options) =>
      call('find', [entity, where, options]);

  /** A flush has told the cache already. */
  const marked = (
    statement: Statement,
    options: Options,
    run: (options: Options) => Promise<unknown>,
  ): Promise<unknown> => (isDrained(options) ? run(options) : marks.around(statement, options, run));

  const sendCriteria = (
    name: string,
    entity: unknown,
    where: unknown,
    options: Options,
    send: () => Promise<unknown>,
  ): Promise<unknown> => sqlWrites.sendCriteria({ meta: metaOf(entity, options), where, options, call: name }, send);

  const replacements: Record<string, (...parameters: never[]) => unknown> = {
    find: async (entity: unknown, where: unknown, options: Options = {}) => {
      if (options[SOUGHT]) options[SOUGHT].isAsked = true;
      const staged = stagedCall(options);
      if (staged) return writes.rows(staged, where, options['fields']);
      return reads.find(
        metaOf(entity, options),
        where,
        options,
        finderOf(entity),
        options[SOUGHT] ? 'findOne' : 'find',
      );
    },
    findOne: async (entity: unknown, where: unknown, options: Options = {}) => {
      const sought = { isAsked: false };
      const row = await call('findOne', [entity, where, { ...options, [SOUGHT]: sought }]);
      if (!sought.isAsked) throw incompatible('its driver answers findOne() without find()');
      return row;
    },
    count: async (entity: unknown, where: unknown, options: Options = {}) => {
      const queried = await reads.beforeQuery(metaOf(entity, options), where, options, {
        call: 'count',
        hasRows: false,
      });
      return queried.run(async () => call('count', [entity, where, queried.options]));
    },
    stream: async function* (entity: unknown, where: unknown, options: Options = {}) {
      await leaving.before(metasOf(entity));
      const rows = reads.stream(metaOf(entity, options), where, options, {
        find: finderOf(entity),
        stream: (condition, asked) => original.stream(...([entity, condition, asked] as never[])),
      });
      try {
        // Only what is waited for before the first row is not MikroORM's own.
        const first = await failingAsMikroOrm(signalOf(options), driver, async () => rows.next());
        if (first.done) return;
        yield first.value;
        yield* rows;
      } finally {
        // A caller may leave after the first row; the rows have a connection until they are told.
        await rows.return?.();
      }
    },
    loadFromPivotTable: async (property: { targetMeta: EntityMetadata }, ...rest: unknown[]) => {
      const [owners, where, order, transaction, options = {}, ...others] = rest;
      const queried = await reads.beforeQuery(property.targetMeta, where, options as Options, {
        call: 'populate',
        order,
        transaction,
        hasRows: false,
      });
      return call('loadFromPivotTable', [property, owners, where, order, transaction, queried.options, ...others]);
    },
    lockPessimistic: async (entity: object, options: Options = {}) => {
      await reads.beforeLock(metaOf(entity.constructor, options), entity, options);
      return call('lockPessimistic', [entity, options]);
    },
    nativeInsert: async (entity: unknown, data: Payload, options: Options = {}) => {
      await validate(entity, [data], 'new', options);
      const answer = await direct.insert(metaOf(entity, options), [data], options);
      if (isAnswer(answer)) return withKey(answer, data, metaOf(entity, options));
      await sqlWrites.beforeInsert(metaOf(entity, options), [data], bySql(options, answer), 'insert');
      return call('nativeInsert', [entity, data, options]);
    },
    nativeInsertMany: async (entity: unknown, data: Payload[], options: Options = {}, ...rest: unknown[]) => {
      const staged = stagedCall(options);
      if (staged) return writes.insertMany(staged, data);
      await validate(entity, data, 'new', options);
      const answer = await direct.insert(metaOf(entity, options), data, options);
      if (isAnswer(answer)) return answer;
      await sqlWrites.beforeInsert(metaOf(entity, options), data, bySql(options, answer), 'insertMany');
      return call('nativeInsertMany', [entity, data, options, ...rest]);
    },
    nativeUpdate: async (entity: unknown, where: unknown, data: Payload, options: Options = {}) => {
      const staged = stagedCall(options);
      if (staged) return writes.updateMany(staged, [data]);
      await validate(entity, [data], options['upsert'] ? 'new' : 'changed', options);
      const answer = options['upsert']
        ? await direct.upsert(metaOf(entity, options), [where], [data], options, finderOf(entity), 'em.upsert()')
        : await direct.update(metaOf(entity, options), where, data, options, finderOf(entity));
      if (isAnswer(answer)) return answer;
      const asked = bySql(options, answer);
      await sqlWrites.beforeWrite(metaOf(entity, options), where, [data], asked, 'nativeUpdate');
      if (options['upsert']) await sqlWrites.beforeInsert(metaOf(entity, options), [data], asked, 'upsert');
      const statement: Statement = { kind: 'update', meta: metaOf(entity, options), conditions: [where], data: [data] };
      return marked(statement, options, (inside) =>
        sendCriteria('nativeUpdate', entity, where, asked, () => call('nativeUpdate', [entity, where, data, inside])),
      );
    },
    nativeUpdateMany: async (
      entity: unknown,
      where: unknown,
      data: Payload[],
      options: Options = {},
      ...rest: unknown[]
    ) => {
      const staged = stagedCall(options);
      if (staged) return writes.updateMany(staged, data);
      await validate(entity, data, options['upsert'] ? 'new' : 'changed', options);
      const answer = options['upsert']
        ? await direct.upsert(
            metaOf(entity, options),
            where as unknown[],
            data,
            options,
            finderOf(entity),
            'em.upsertMany()',
          )
        : undefined;
      if (isAnswer(answer)) return answer;
      const asked = bySql(options, answer);
      await sqlWrites.beforeWrite(metaOf(entity, options), where, data, asked, 'upsertMany');
      if (options['upsert']) await sqlWrites.beforeInsert(metaOf(entity, options), data, asked, 'upsertMany');
      const conditions = Array.isArray(where) ? where : [where];
      const statement: Statement = { kind: 'update', meta: metaOf(entity, options), conditions, data };
      return marked(statement, options, (inside) => call('nativeUpdateMany', [entity, where, data, inside, ...rest]));
    },
    nativeClone: async (entity: unknown, where: unknown, overrides?: Payload, options: Options = {}) => {
      await validate(entity, overrides ? [overrides] : [], 'changed', options);
      await sqlWrites.beforeWrite(metaOf(entity, options), where, overrides ? [overrides] : [], options, 'clone');
      return sendCriteria('clone', entity, where, options, () =>
        call('nativeClone', [entity, where, overrides, options]),
      );
    },
    syncCollections: async (collections: Iterable<Collection<object>>, options: Options = {}, ...rest: unknown[]) => {
      const changed = [...collections];
      await sqlWrites.beforeCollections(changed, options);
      return marks.aroundCollections(changed, options, (inside) => call('syncCollections', [changed, inside, ...rest]));
    },
    nativeDelete: async (entity: unknown, where: unknown, options: Options = {}) => {
      const staged = stagedCall(options);
      if (staged) return writes.delete(staged, where);
      const answer = await direct.delete(metaOf(entity, options), where, options, finderOf(entity));
      if (isAnswer(answer)) return answer;
      const asked = bySql(options, answer);
      await sqlWrites.beforeWrite(metaOf(entity, options), where, [], asked, 'nativeDelete');
      const statement: Statement = { kind: 'delete', meta: metaOf(entity, options), conditions: [where] };
      return marked(statement, options, (inside) =>
        sendCriteria('nativeDelete', entity, where, asked, () => call('nativeDelete', [entity, where, inside])),
      );
    },
  };
  for (const [name, replacement] of Object.entries(replacements)) {
    if (name !== 'stream') replacements[name] = afterLeaving(name, replacement);
  }
  Object.assign(driver, replacements);

  /** The first thing that is decided is which entities are written by SQL here though others stage them. */
  function afterLeaving(
    name: string,
    act: (...parameters: never[]) => unknown,
  ): (...parameters: never[]) => Promise<unknown> {
    return async (...parameters) => {
      const signal = parameters.map(signalOf).find((each) => each !== undefined);
      const ctx = ctxOf(parameters);
      const isLeft = ctx === undefined && (READS.has(name) || parameters.some(stagedCall));
      const acting = async (): Promise<unknown> => act(...parameters);
      return failingAsMikroOrm(signal, driver, async () =>
        within(ctx, async () => {
          await unlessAborted(signal, async () => leaving.before(metasOf(parameters[0])));
          return isLeft ? unlessAborted(signal, acting) : acting();
        }),
      );
    };
  }

  /** Collections belong to a flush, which has been looked at as a whole, but for the rows that it finds by them. */
  function metasOf(subject: unknown): EntityMetadata[] {
    if (subject instanceof Object && Symbol.iterator in subject)
      return soughtRows(subject as Iterable<Collection<object>>).map(({ meta }) => meta);
    if (Utils.isEntity<AnyEntity>(subject)) return [helper(subject).__meta];
    const through = (subject as { readonly targetMeta?: EntityMetadata }).targetMeta;
    return [through ?? driver.getMetadata().get(subject as never)];
  }
}

/** Kysely's transaction is in the options of a call, or among its parameters. Rows and conditions may have a property of that name, which is none. */
function ctxOf(parameters: readonly unknown[]): unknown {
  const found = parameters.slice(1).flatMap((each) => [each, (each as Options | undefined | null)?.['ctx']]);
  return found.find((each) => typeof each === 'object' && each !== null && 'getExecutor' in each);
}

function isAnswer(answer: QueryResult | Fallback | undefined): answer is QueryResult {
  return typeof answer === 'object';
}

/** The options by which a call goes on by SQL that was not staged, and may say why. */
function bySql(options: Options, way: QueryResult | Fallback | undefined): Options {
  return typeof way === 'string' ? { ...options, [FELL_BACK]: way } : options;
}

/** `em.insert()` answers the key that it was given, as it was given, and none of several columns. */
function withKey(
  answer: QueryResult,
  data: Payload,
  { primaryKeys: [name = '', ...others] }: EntityMetadata,
): QueryResult {
  return { ...answer, insertId: (others.length > 0 ? undefined : (data[name] ?? answer.insertId)) as never };
}
