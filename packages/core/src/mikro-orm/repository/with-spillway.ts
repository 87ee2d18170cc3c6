import type { AnyEntity, EntityData, EntityManager, EntityName, EntityRepository, Primary } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { EntityOf } from '../../policy/entity-types.js';
import { EXTENSION } from '../extension-name.js';
import type { Increments } from '../write/build-increment.js';
import type { IncrementOptions } from '../write/increment-options.js';
import type { IncrementRow } from '../write/prepare-increment.js';
import type { PatchOptions } from '../write/build-patch.js';
import type { CallersRows } from './callers-rows.js';
import type { DrainCallOptions } from './drain-call.js';
import type { PendingRow } from './pending-row.js';
import type { IncrementReceipt, Receipt } from './receipt.js';
import { primaryKey } from './row-calls.js';

/** A primary key as a caller may write it down: without the brands that an entity's property may have. */
export type KeyOf<Entity> =
  Primary<Entity> extends string
    ? string
    : Primary<Entity> extends number
      ? number
      : Primary<Entity> extends bigint
        ? bigint
        : Primary<Entity>;

/** What a repository of a write-behind entity can do beside MikroORM's own methods. */
export interface SpillwayMethods<Entity extends object> {
  /** Persists entities and flushes their entity manager: all of its unit of work, not these entities alone. */
  save(entities: Entity | readonly Entity[]): Promise<Receipt<Entity>>;

  /** Removes entities and flushes their entity manager. */
  remove(entities: Entity | readonly Entity[]): Promise<Receipt<Entity>>;

  /**
   * Sets properties of a row that need not be loaded; counters are assigned, not added to. Without `version` the last write wins; the row's version is raised either way. An unknown row becomes a
   * dead letter `ROW_MISSING`.
   * @throws SpillwayError `CONFIG_INVALID`, `VALIDATION_FAILED`, `STAGING_FULL`, `STAGING_TIMEOUT`; MikroORM's `OptimisticLockError` for another version or a deleted row
   */
  patch(key: KeyOf<Entity>, changes: EntityData<Entity>, options?: PatchOptions): Promise<Receipt<Entity>>;

  /**
   * Adds to counters of a row that need not be loaded; exact, and never a conflict. Where the row is not there, it does
   * what `missing` says, of the call or of the policy: a dead letter `ROW_MISSING`, nothing, or the row is made.
   * @throws SpillwayError `CONFIG_INVALID` for a property that is no counter, a malformed key, or data that makes no row;
   * `COUNTER_OVERFLOW`, `STAGING_FULL`, `STAGING_TIMEOUT`; MikroORM's `OptimisticLockError` for a deleted row that is not
   * to be made
   */
  increment(
    key: KeyOf<Entity>,
    increments: Increments<Entity>,
    options?: IncrementOptions<Entity>,
  ): Promise<IncrementReceipt<Entity>>;

  /**
   * The same for many rows in one call. What it throws for one of them, it throws before anything is staged; rows of
   * different shards are staged one by one all the same.
   * @throws as `increment`; `STAGING_PARTIAL` if some of the rows are staged, and others are not
   */
  incrementMany(
    rows: readonly IncrementRow<Entity, KeyOf<Entity>>[],
    options?: IncrementOptions<Entity>,
  ): Promise<IncrementReceipt<Entity>>;

  /** What is staged of a row and not yet in the database; `undefined` for nothing. */
  pending(key: KeyOf<Entity>): Promise<PendingRow<Entity> | undefined>;

  /**
   * Writes what was staged of this entity before the call, by any process. Each record is tried once, and rows that
   * others have locked are left; `until: 'written'` waits for them.
   * @returns how many shards hold something that was tried and has to wait
   * @throws SpillwayError `DRAIN_TIMEOUT`; the reason of `signal`
   */
  drain(options?: DrainCallOptions): Promise<{ readonly left: number }>;
}

/** What the methods ask of the service beside the ORM. */
export interface RowService {
  /** The row calls of an entity manager. @internal */
  rowsOf(em: EntityManager): CallersRows;
  drain(entity: EntityName, options?: DrainCallOptions): Promise<{ readonly left: number }>;
  /** @internal */
  receipt(entities: readonly AnyEntity[], keys?: Receipt['keys']): Receipt;
}

// oxlint-disable-next-line typescript/no-explicit-any -- TypeScript takes a class as a mixin's base only with these parameters
type RepositoryClass = new (...parameters: any[]) => EntityRepository<any>;

type EntityIn<Base extends RepositoryClass> = EntityOf<Base> & object;

/** The class with what it has itself, static members included, and Spillway's methods. */
type WithMethods<Base extends RepositoryClass> = Pick<Base, keyof Base> &
  (new (...parameters: ConstructorParameters<Base>) => InstanceType<Base> & SpillwayMethods<EntityIn<Base>>);

/**
 * Adds Spillway's methods to a repository class that exists already: `class ProductRepository extends withSpillway(ShopRepository<Product>) {}`. What the class inherits (`insert`, `upsert`,
 * `nativeUpdate`, …) needs no override: those calls are staged, validated and laid over for every caller, repository or entity manager.
 */
export function withSpillway<Base extends RepositoryClass>(Base: Base): WithMethods<Base> {
  class WithSpillway extends Base implements SpillwayMethods<AnyEntity> {
    async save(entities: AnyEntity | readonly AnyEntity[]): Promise<Receipt> {
      const saved = [entities].flat();
      await this.getEntityManager().persist(saved).flush();
      return serviceOf(this).receipt(saved);
    }

    async remove(entities: AnyEntity | readonly AnyEntity[]): Promise<Receipt> {
      const removed = [entities].flat();
      const keys = removed.map(primaryKey);
      await this.getEntityManager().remove(removed).flush();
      return serviceOf(this).receipt(removed, keys);
    }

    async patch(key: never, changes: never, options?: PatchOptions): Promise<Receipt> {
      return rowsOf(this).patch(this.entityName, key, changes, options);
    }

    async increment(
      key: never,
      increments: never,
      options?: IncrementOptions<never>,
    ): Promise<IncrementReceipt<never>> {
      return rowsOf(this).increment(this.entityName, key, increments, options) as Promise<never>;
    }

    async incrementMany(rows: never, options?: IncrementOptions<never>): Promise<IncrementReceipt<never>> {
      return rowsOf(this).incrementMany(this.entityName, rows, options) as Promise<never>;
    }

    async pending(key: never): Promise<PendingRow | undefined> {
      return rowsOf(this).pending(this.entityName, key);
    }

    async drain(options?: DrainCallOptions): Promise<{ readonly left: number }> {
      return serviceOf(this).drain(this.entityName, options);
    }
  }
  // Whoever looks at the class sees the one that was given.
  Object.defineProperty(WithSpillway, 'name', { value: Base.name });
  return WithSpillway as never;
}

function rowsOf(repository: { getEntityManager(): EntityManager }): CallersRows {
  return serviceOf(repository).rowsOf(repository.getEntityManager());
}

function serviceOf(repository: { getEntityManager(): EntityManager }): RowService {
  const service = repository.getEntityManager().config.getExtension<RowService>(EXTENSION);
  if (service) return service;
  throw new SpillwayError(
    'CONFIG_INVALID',
    'The ORM of this repository has no Spillway. Add spillway({ redis: … }) to the extensions of its configuration',
  );
}
