import { helper, type AnyEntity, type EntityData } from '@mikro-orm/core';
import type { Change } from '../../change/change.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

export type OperationKind = 'insert' | 'update' | 'delete';

/**
 * One change set of a flush and the change that it becomes, with the state to restore in the entity if the change is
 * refused.
 */
export interface Operation {
  readonly kind: OperationKind;
  readonly type: WriteBehindType;
  readonly entity: AnyEntity;
  readonly change: Change;
  readonly before: EntityState;
}

/** The part of an entity that MikroORM changes when it believes that the entity has been written. */
export interface EntityState {
  readonly snapshot: EntityData<AnyEntity> | undefined;
  readonly version: unknown;
}

export function stateOf(entity: AnyEntity): EntityState {
  const wrapped = helper(entity);
  const { versionProperty } = wrapped.__meta;
  const version: unknown = versionProperty && Reflect.get(entity, versionProperty);
  return { snapshot: wrapped.__originalEntityData, version };
}
