import { ReferenceKind, type AnyEntity, type ChangeSet, type Collection, type EntityMetadata } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { type RowKey, tableOf, tableText } from '../change/row-key.js';
import type { OperationKind } from '../mikro-orm/change/staging-unit.js';
import type { DriverOptions } from '../mikro-orm/contract/methods.js';
import { isInSchema, knownRowKey } from '../mikro-orm/describe/entity-key.js';
import { hasPlainKey, lookupKeys } from '../mikro-orm/describe/lookup.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import type { RowStatement } from '../mikro-orm/engine.js';
import type { TransactionScopes } from '../mikro-orm/transactions/transaction-scope.js';
import { soughtRows } from '../mikro-orm/write/flush-content.js';
import type { Execute } from '../sink/cache-doubts.js';
import type { BlockScope } from '../staging/row-cache.js';
import type { CacheAccess, Told } from './access.js';

/** The ORM whose statements the cache is told of. */
export interface MarkedOrm {
  readonly scopes: TransactionScopes;
  readonly driver: AbstractSqlDriver;
}

/** The marks that the cache has of one transaction. */
interface Marks {
  number: Told;
  readonly fields: Set<string>;
  readonly scopes: BlockScope[];
}

/**
 * Drops and blocks the copies of rows that SQL is about to change, in the transaction that changes them, before each
 * statement: rows by key if they are known, otherwise the table. The end of the transaction unblocks them. A statement
 * outside of any transaction gets one, because other processes can find out only for a transaction how it has ended.
 * New rows need no mark: the cache does not remember missing rows.
 */
export class CacheMarks {
  readonly #types: TypeRegistry;
  readonly #access: () => CacheAccess;
  readonly #scopes: TransactionScopes;
  readonly #driver: AbstractSqlDriver;
  readonly #marks = new WeakMap<object, Marks>();

  constructor(types: TypeRegistry, access: () => CacheAccess, { scopes, driver }: MarkedOrm) {
    this.#types = types;
    this.#access = access;
    this.#scopes = scopes;
    this.#driver = driver;
  }

  /** Before change sets of a flush are written. A flush always has a transaction. */
  async beforeChangeSets(
    kind: OperationKind,
    changeSets: readonly ChangeSet<AnyEntity>[],
    options: DriverOptions | undefined,
  ): Promise<void> {
    if (kind === 'insert') return;
    const keys = Map.groupBy(changeSets, ({ meta }) => this.#types.cached(meta));
    const own = [...keys].flatMap(([type, ofType]) => (type ? scopesOf(type, keysOfSets(type, ofType)) : []));
    const followers = changeSets.flatMap(({ meta, payload }) => {
      const renames = kind === 'update' && meta.primaryKeys.some((name) => name in payload);
      return kind === 'delete' || renames ? this.#followers(meta, renames) : [];
    });
    const scopes = [...own, ...followers];
    if (scopes.length > 0) await this.#dropAndBlock(scopes, options?.['ctx']);
  }

  /** Runs a statement that changes rows past the unit of work, and marks the rows that its conditions name. */
  async around<T>(
    { kind, meta, conditions, data = [] }: RowStatement,
    options: DriverOptions,
    run: (options: DriverOptions) => Promise<T>,
  ): Promise<T> {
    const type = this.#types.cached(meta);
    const scopes = [
      ...(type && isInSchema(type, options['schema'] as string | undefined)
        ? scopesOf(type, keysIn(type, conditions))
        : []),
      ...(kind === 'delete' ? this.#followers(meta, false) : []),
      ...(meta.primaryKeys.some((name) => data.some((row) => name in row)) ? this.#followers(meta, true) : []),
    ];
    return this.#running(scopes, options, run);
  }

  /**
   * The same for one-to-many collections. Their statements name the owner of the rows, or rows that were not loaded.
   */
  async aroundCollections<T>(
    collections: readonly Collection<object>[],
    options: DriverOptions,
    run: (options: DriverOptions) => Promise<T>,
  ): Promise<T> {
    const changed = collections.filter(({ property }) => property.kind === ReferenceKind.ONE_TO_MANY);
    const types = new Set([
      ...changed.map(({ property }) => this.#types.cached(property.targetMeta)),
      ...soughtRows(collections).flatMap(({ meta, areRemoved }) =>
        areRemoved ? this.#types.cachedFollowers(meta, false) : [],
      ),
    ]);
    const scopes = [...types].flatMap((type) => (type ? scopesOf(type, 'all') : []));
    return this.#running(scopes, options, run);
  }

  async #running<T>(
    scopes: readonly BlockScope[],
    options: DriverOptions,
    run: (options: DriverOptions) => Promise<T>,
  ): Promise<T> {
    if (scopes.length === 0) return run(options);
    if (options['ctx'] !== undefined) {
      await this.#dropAndBlock(scopes, options['ctx']);
      return run(options);
    }
    return this.#driver.getConnection('write').transactional(async (ctx: unknown) => {
      await this.#dropAndBlock(scopes, ctx);
      return run({ ...options, ctx });
    });
  }

  /** The cached tables whose rows the database itself changes when rows of this one are deleted, or get other keys. */
  #followers(meta: EntityMetadata, renames: boolean): BlockScope[] {
    return this.#types.cachedFollowers(meta, renames).flatMap((type) => scopesOf(type, 'all'));
  }

  async #dropAndBlock(scopes: readonly BlockScope[], ctx: unknown): Promise<void> {
    if (typeof ctx !== 'object' || ctx === null) throw new TypeError('Rows are written by SQL without a transaction');
    const marks = this.#marksOf(ctx);
    for (const scope of scopes) {
      const news = scope.keys === 'all' ? [tableText(scope.table)] : scope.keys;
      if (news.every((field) => marks.fields.has(field))) continue;
      marks.number = await this.#access().dropAndBlock(scope, this.#executeIn(ctx), marks.number);
      for (const field of news) marks.fields.add(field);
      marks.scopes.push(scope);
    }
  }

  /**
   * The end of a transaction that the ORM has not begun is unknown: a reader that finds a row blocked by it asks
   * PostgreSQL.
   */
  #marksOf(ctx: object): Marks {
    const scope = this.#scopes.of(ctx);
    const owner = scope?.root ?? ctx;
    const known = this.#marks.get(owner);
    if (known) return known;
    const marks: Marks = { number: undefined, fields: new Set(), scopes: [] };
    this.#marks.set(owner, marks);
    scope?.afterEnd(async (end) => {
      const { number } = marks;
      // A transaction whose end was not answered may still be going on.
      if (number === undefined || end === 'unanswered') return;
      await Promise.all(marks.scopes.map((each) => this.#access().unblock(each, number)));
    });
    return marks;
  }

  #executeIn(ctx: object): Execute {
    return async (statement, parameters) =>
      this.#driver.execute<Record<string, unknown>[]>(statement, [...parameters], 'all', ctx);
  }
}

function scopesOf(type: WriteBehindType, keys: readonly RowKey[] | 'all'): BlockScope[] {
  return keys.length === 0 ? [] : [{ table: tableOf(type), keys }];
}

/** The rows by the keys that they were loaded with. */
function keysOfSets(type: WriteBehindType, changeSets: readonly ChangeSet<AnyEntity>[]): readonly RowKey[] | 'all' {
  const keys = changeSets
    .filter(({ schema }) => isInSchema(type, schema))
    .map((changeSet) => knownRowKey(type, changeSet.getPrimaryKey()));
  const known = keys.filter((key) => key !== undefined);
  return known.length === keys.length ? known : 'all';
}

/** The rows that a statement names by key, and by nothing else. */
function keysIn(type: WriteBehindType, conditions: readonly unknown[]): readonly RowKey[] | 'all' {
  if (!hasPlainKey(type)) return 'all';
  const keys = conditions.map((condition) => lookupKeys(type, condition, {}));
  return keys.every((found) => found !== undefined) ? keys.flat() : 'all';
}
