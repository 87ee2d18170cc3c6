import type { EntityManager, EntityName, Platform } from '@mikro-orm/core';
import type { Change } from '../../change/change.js';
import type { AnyEntity } from '../../policy/entity-types.js';
import { keyRow } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { Validation } from '../validate/validation.js';
import { buildCreate } from './build-create.js';
import { buildIncrement, type Increments } from './build-increment.js';
import { readIncrementOptions, type IncrementOptions, type Otherwise } from './increment-options.js';

/** One row of a call that counts. */
export interface IncrementRow<Entity extends object = AnyEntity, Key = unknown> extends Pick<
  IncrementOptions<Entity>,
  'create'
> {
  readonly key: Key;
  /** How much is added to which counters. */
  readonly by: Increments<Entity>;
}

/** An increment that is ready to be staged, or written by SQL. */
export interface PreparedIncrement {
  readonly key: unknown;
  readonly change: Change;
  readonly otherwise: Otherwise['kind'];
  /** By property: the data of the row to make, without its key. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface IncrementContext {
  readonly entity: EntityName;
  readonly em: () => EntityManager;
  readonly platform: Platform;
  readonly validation: Validation;
}

/**
 * Refuses every mistake in increments, before anything is staged.
 * @throws SpillwayError `CONFIG_INVALID`; ValidationFailedError
 */
export async function prepareIncrements(
  type: WriteBehindType,
  rows: readonly IncrementRow[],
  options: IncrementOptions,
  { entity, em, platform, validation }: IncrementContext,
): Promise<readonly PreparedIncrement[]> {
  const made = rows.map(({ key, by, create: own }) => {
    const otherwise = readIncrementOptions(type, own === undefined ? options : { ...options, create: own });
    if (otherwise.kind !== 'create') {
      const change = buildIncrement(type, key, by, otherwise.kind === 'drop' ? 'drop' : undefined);
      return { key, change, otherwise: otherwise.kind, data: {} };
    }
    const { data, values } = buildCreate(type, otherwise.given, { platform, entity, em });
    return { key, change: buildIncrement(type, key, by, { create: values }), otherwise: otherwise.kind, data };
  });
  const news = made.filter(({ otherwise }) => otherwise === 'create');
  const candidates = news.map(({ change, data }) => ({ ...keyRow(type, change.rowKey), ...data }));
  if (candidates.length > 0) await validation.rows(type.meta, candidates, 'new');
  return made;
}
