import {
  ChangeSet,
  helper,
  Utils,
  type AnyEntity,
  type ChangeSetType,
  type Collection,
  type EntityManager,
} from '@mikro-orm/core';

/** Everything that a flush is about to write. */
export interface FlushContent {
  readonly changeSets: readonly ChangeSet<AnyEntity>[];
  readonly collections: readonly Collection<AnyEntity>[];
}

/**
 * A part of an entity that MikroORM has put off: names, values, the change set that had them, and when they are
 * written.
 */
type PutOff = readonly [AnyEntity, string | readonly string[], unknown, unknown, ChangeSetType];

/**
 * The writes that the unit of work has decided on, including the parts that it has put off. MikroORM takes these parts
 * out of their entities and change sets, and writes them at the end of the flush. They are unique values of a property
 * that another change of the flush sets too, and many-to-many collections with a new row that the flush had met before.
 */
export function flushContent(em: EntityManager): FlushContent {
  const uow = em.getUnitOfWork(false);
  const putOff = [...uow.getExtraUpdates()] as readonly PutOff[];
  return {
    changeSets: [...uow.getChangeSets(), ...putOff.flatMap((part) => changePutOff(em, part))],
    collections: [...uow.getCollectionUpdates(), ...putOff.flatMap(([, , value]) => collectionPutOff(value))],
  };
}

function collectionPutOff(value: unknown): Collection<AnyEntity>[] {
  return Utils.isCollection<AnyEntity>(value) ? [value] : [];
}

function changePutOff(em: EntityManager, [entity, names, values, , type]: PutOff): ChangeSet<AnyEntity>[] {
  if (typeof names === 'string' || !Array.isArray(values)) return [];
  const whole = asItWillBe(entity, names, values);
  const snapshot: Readonly<Record<string, unknown>> = em.getComparator().prepareEntity(whole);
  const payload = Object.fromEntries(names.map((name) => [name, snapshot[name] ?? null]));
  const changeSet = new ChangeSet(whole, type, payload, helper(entity).__meta);
  changeSet.originalEntity = helper(entity).__originalEntityData as never;
  return [changeSet];
}

/** The entity with the values that MikroORM has taken out of it. The entity itself stays as it is. */
function asItWillBe(entity: AnyEntity, names: readonly string[], values: readonly unknown[]): AnyEntity {
  const parts = names.map((name, position) => [name, { value: values[position], enumerable: true }] as const);
  return Object.create(entity, Object.fromEntries(parts)) as AnyEntity;
}
