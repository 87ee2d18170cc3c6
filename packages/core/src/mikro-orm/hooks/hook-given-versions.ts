import { helper, Utils, type AnyEntity, type EntityManager } from '@mikro-orm/core';
import type { VersionText } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';
import { entityRowKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { versionText } from '../values/version-text.js';
import { stagedVersionsOf } from '../write/staged-versions.js';
import { replaceMethod } from './replace-method.js';

type Merge = (this: EntityManager, first: unknown, data?: unknown, options?: MergeOptions) => AnyEntity;
type Upsert = (this: EntityManager, ...given: unknown[]) => Promise<AnyEntity | readonly AnyEntity[]>;

/** `convertCustomTypes` is set for rows as the database answers them: `em.map()` merges those. */
interface MergeOptions {
  readonly convertCustomTypes?: boolean;
}

/**
 * Some entities have a version that no read has answered: a caller has given it to `em.merge()`, or `em.upsert()` has
 * staged it. The caller may know that version from a staged state, so it does not count as read in the database.
 */
export function hookGivenVersions(entityManager: { readonly prototype: EntityManager }, types: TypeRegistry): void {
  const { prototype } = entityManager;
  replaceMethod<Merge>(
    prototype,
    'merge',
    (original) =>
      function (this, first, data, options) {
        const entity = original.call(this, first, data, options);
        if (Utils.isEntity(first) || !options?.convertCustomTypes) note(this, entity);
        return entity;
      },
  );
  for (const name of ['upsert', 'upsertMany'])
    replaceMethod<Upsert>(
      prototype,
      name,
      (original) =>
        async function (this, ...given) {
          const answer = await original.call(this, ...given);
          for (const entity of Array.isArray(answer) ? (answer as AnyEntity[]) : [answer as AnyEntity])
            note(this, entity);
          return answer;
        },
    );

  function note(em: EntityManager, entity: AnyEntity): void {
    const type = types.of(helper(entity).__meta);
    if (!type?.version) return;
    const given = givenVersion(type, type.version, entity);
    if (given) stagedVersionsOf(em.getContext(false)).note(...given);
  }
}

/** `undefined` where the caller has given what can be no key or no version: the flush of the entity says so. */
function givenVersion(
  type: WriteBehindType,
  { property, kind }: NonNullable<WriteBehindType['version']>,
  entity: AnyEntity,
): readonly [RowKey, VersionText | undefined] | undefined {
  try {
    const key = entityRowKey(type, entity);
    return key && [key, versionText(Reflect.get(entity, property.name), kind)];
  } catch {
    return undefined;
  }
}
