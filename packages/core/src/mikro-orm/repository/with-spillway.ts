import {
  type AnyEntity,
  type EntityData,
  type EntityManager,
  type EntityName,
  EntityRepository,
  type Primary,
} from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { EntityOf } from '../../policy/entity-types.js';
import { type DurabilityOption, givenDurability } from '../../policy/durability.js';
import { asking } from '../change/staging-unit.js';
import { EXTENSION } from '../extension-name.js';
import type { Increments, IncrementRow, IncrementOptions } from '../write/prepare-increment.js';
import type { PatchOptions } from '../write/build-patch.js';
import type { CallersRows } from './row-caller.js';
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

/** The methods of a repository of a write-behind entity, beside MikroORM's own. */
export interface SpillwayMethods<Entity extends object> {
  /**
   * Persists entities and flushes their entity manager: all of its unit of work, not these entities alone.
   *
   * `save(order, { durability: 'replicated' })` resolves when the replicas of Redis have the order, too.
   *
   * @throws as `em.flush()`
   */
  save(entities: Entity | readonly Entity[], options?: DurabilityOption): Promise<Receipt<Entity>>;

  /** Removes entities and flushes their entity manager. */
  remove(entities: Entity | readonly Entity[], options?: DurabilityOption): Promise<Receipt<Entity>>;

  /**
   * Sets properties of a row that need not be loaded; counters are assigned, not added to. Without `version` the last
   * write wins; the row's version is raised either way. A change of an unknown row becomes a dead letter `ROW_MISSING`.
   *
   * `patch(7, { title: 'Tea' }, { version: 3 })` expects the row to have version 3.
   *
   * @throws SpillwayError `CONFIG_INVALID`, `VALIDATION_FAILED`, `STAGING_FULL`, `STAGING_TIMEOUT`; MikroORM's
   * `OptimisticLockError` for another version or a deleted row
   */
  patch(key: KeyOf<Entity>, changes: EntityData<Entity>, options?: PatchOptions): Promise<Receipt<Entity>>;

  /**
   * Adds to counters of a row that need not be loaded; exact, and never a conflict. If the row does not exist,
   * `missing` of the call or of the policy decides: the increment becomes a dead letter `ROW_MISSING`, it is dropped,
   * or the row is made.
   *
   * `increment(7, { views: 1 }, { create: { title: 'Tea' } })` makes row 7 with one view if it does not exist.
   *
   * @throws SpillwayError `CONFIG_INVALID` for a property that is no counter, a malformed key, or data that makes no
   * row; `COUNTER_OVERFLOW`, `STAGING_FULL`, `STAGING_TIMEOUT`; MikroORM's `OptimisticLockError` for a deleted row that
   * is not to be made
   */
  increment(
    key: KeyOf<Entity>,
    increments: Increments<Entity>,
    options?: IncrementOptions<Entity>,
  ): Promise<IncrementReceipt<Entity>>;

  /**
   * The same for many rows in one call. All rows are checked before any of them is staged. Rows of different shards are
   * still staged one by one.
   * @throws as `increment`; `STAGING_PARTIAL` if only some of the rows are staged
   */
  incrementMany(
    rows: readonly IncrementRow<Entity, KeyOf<Entity>>[],
    options?: IncrementOptions<Entity>,
  ): Promise<IncrementReceipt<Entity>>;

  /** The changes of a row that are staged and not yet in the database; `undefined` if there are none. */
  pending(key: KeyOf<Entity>): Promise<PendingRow<Entity> | undefined>;

  /**
   * Writes the changes of this entity that any process has staged before the call. Each record is tried once, and rows
   * that another transaction has locked are left; `until: 'written'` waits for them.
   * @returns how many shards hold records that were tried and have to wait
   * @throws SpillwayError `DRAIN_TIMEOUT`; the reason of `signal`
   */
  drain(options?: DrainCallOptions): Promise<{ readonly left: number }>;
}

/** The service beside the ORM, as far as the methods need it. */
export interface RowService {
  /** The row calls of an entity manager. @internal */
  rowsOf(em: EntityManager): CallersRows;
  drain(entity: EntityName, options?: DrainCallOptions): Promise<{ readonly left: number }>;
  /** @internal */
  receipt(entities: readonly AnyEntity[], keys?: Receipt['keys']): Receipt;
}

// oxlint-disable-next-line typescript/no-explicit-any -- the base class of a mixin has to have these parameters
type RepositoryClass = new (...parameters: any[]) => EntityRepository<any>;

type EntityIn<Base extends RepositoryClass> = EntityOf<Base> & object;

/** The class with what it has itself, static members included, and Spillway's methods. */
type WithMethods<Base extends RepositoryClass> = Pick<Base, keyof Base> &
  (new (...parameters: ConstructorParameters<Base>) => InstanceType<Base> & SpillwayMethods<EntityIn<Base>>);

/**
 * Adds Spillway's methods to an existing repository class. Inherited methods (`insert`, `upsert`, `nativeUpdate`, …)
 * need no override: these calls are staged, validated and laid over for every caller, repository or entity manager.
 *
 * `class ProductRepository extends withSpillway(ShopRepository<Product>) {}`
 */
export function withSpillway<Base extends RepositoryClass>(Base: Base): WithMethods<Base> {
  class WithSpillway extends Base implements SpillwayMethods<AnyEntity> {
    async save(entities: AnyEntity | readonly AnyEntity[], options?: DurabilityOption): Promise<Receipt> {
      const saved = [entities].flat();
      const em = this.getEntityManager();
      await asking(saved, givenDurability('save()', options), async () => em.persist(saved).flush());
      return serviceOf(this).receipt(saved);
    }

    async remove(entities: AnyEntity | readonly AnyEntity[], options?: DurabilityOption): Promise<Receipt> {
      const removed = [entities].flat();
      const keys = removed.map(primaryKey);
      const em = this.getEntityManager();
      await asking(removed, givenDurability('remove()', options), async () => em.remove(removed).flush());
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
  // The class shows the name of the class that was given.
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

const Base: new <Entity extends object>(
  em: EntityManager,
  entityName: EntityName<Entity>,
) => EntityRepository<Entity> & SpillwayMethods<Entity> = withSpillway(EntityRepository) as never;

/**
 * MikroORM's repository with Spillway's methods. For a base class of your own there is {@link withSpillway}.
 *
 * `class ProductRepository extends SpillwayRepository<Product> {}`
 * `@Entity({ repository: () => ProductRepository })`
 */
export class SpillwayRepository<Entity extends object> extends Base<Entity> {}
