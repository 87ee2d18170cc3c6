import { UnitOfWork, type EntityManager, type MikroORM as Orm } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { spillway } from '../../../src/index.js';
import { shopOrm } from './shop.js';

type Method = (this: never, ...parameters: never[]) => unknown;

/** What is done to an ORM that is being made. */
export type Act = (orm: Orm) => void;

/**
 * The classes behind an ORM, some of which MikroORM does not export; what is not public of them is called here as a
 * later version of it might.
 */
export interface Classes {
  readonly entityManager: EntityManager;
  readonly unitOfWork: UnitOfWork;
  readonly persister: object;
  readonly orm: object;
  /** Makes an entity manager that has no hooks. */
  create(orm: Orm): EntityManager;
}

export async function classesOf(databaseUrl: string): Promise<Classes> {
  const plain = await shopOrm(databaseUrl, {}, { extensions: [] });
  const entityManager = Object.getPrototypeOf(plain.em) as EntityManager;
  const uow = plain.em.getUnitOfWork(false);
  await plain.close();
  const Constructor = entityManager.constructor as new (...parameters: unknown[]) => EntityManager;
  return {
    entityManager,
    unitOfWork: UnitOfWork.prototype,
    persister: Object.getPrototypeOf(uow.getChangeSetPersister()) as object,
    orm: MikroORM.prototype,
    create: (orm) => new Constructor(orm.config, orm.driver, orm.getMetadata(), true),
  };
}

/** Replaces a method (`undefined`: takes it away), until it is disposed. */
export function replaced(owner: object, method: string, by: Method | undefined): Disposable {
  return redefined(owner, method, { value: by, configurable: true, writable: true });
}

/** The same for what is asked for without a call. */
export function replacedGetter(owner: object, name: string, by: () => unknown): Disposable {
  return redefined(owner, name, { get: by, configurable: true });
}

function redefined(owner: object, name: string, by: PropertyDescriptor): Disposable {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, by);
  return {
    [Symbol.dispose]: () => {
      if (own) Object.defineProperty(owner, name, own);
      else Reflect.deleteProperty(owner, name);
    },
  };
}

/** An ORM with Spillway, to which something is done just before Spillway is registered, or just after. */
export async function brokenOrm(
  databaseUrl: string,
  { before, after }: { readonly before?: Act; readonly after?: Act } = {},
): Promise<MikroORM> {
  const register = (act?: Act) => ({ register: (orm: Orm): void => act?.(orm) });
  const extension = spillway({
    redis: sharedRedisUrl(),
    namespace: freshNamespace(),
    tables: { ensure: true },
    worker: false,
  });
  return shopOrm(databaseUrl, {}, { extensions: [register(before), extension, register(after)] });
}

/** What the unit of work does in its transaction, without one. */
export async function writePastTransaction(uow: {
  computeChangeSets(): void;
  getChangeSetGroups(): unknown;
  persistToDatabase(groups: unknown): Promise<void>;
}): Promise<void> {
  uow.computeChangeSets();
  await uow.persistToDatabase(uow.getChangeSetGroups());
}

/** What the unit of work does with new entities, past the method that writes a flush. */
export async function createPastPersist(uow: {
  computeChangeSets(): void;
  getChangeSets(): readonly unknown[];
  commitCreateChangeSets(changeSets: readonly unknown[]): Promise<void>;
}): Promise<void> {
  uow.computeChangeSets();
  await uow.commitCreateChangeSets(uow.getChangeSets());
}

/** The persister's options without what is not known to MikroORM. */
export function prepareOptions(this: never, _meta: never, options: never, more: never): object {
  return Object.fromEntries(Object.entries({ ...(options as object), ...(more as object) }));
}
