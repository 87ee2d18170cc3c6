import type { EntityData } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import { OptionReader } from '../../policy/option-reader.js';
import type { AnyEntity } from '../../policy/entity-types.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

export interface IncrementOptions<Entity extends object = AnyEntity> {
  /**
   * Decides about an increment whose row does not exist when it is written: it becomes a dead letter `ROW_MISSING`, it
   * is dropped, or the row is made.
   * @defaultValue `'create'` if `create` is given, else the policy's `missing`
   */
  readonly missing?: 'dead-letter' | 'drop' | 'create';
  /**
   * The properties of the row that is made, without key and version. All other properties take what `onCreate` makes,
   * else the default of their column; counters without one begin at zero. The increment is added on top.
   */
  readonly create?: EntityData<Entity>;
  /** Once it is aborted, nothing more is staged. What is on its way to Redis by then is answered all the same. */
  readonly signal?: AbortSignal;
}

/** The decision about a row that does not exist. */
export type Otherwise = { readonly kind: 'dead-letter' | 'drop' } | { readonly kind: 'create'; readonly given: object };

/** @throws SpillwayError `CONFIG_INVALID`, by name */
export function readIncrementOptions({ meta, policy }: WriteBehindType, options: IncrementOptions): Otherwise {
  const place = `the options of increment() of ${meta.className}`;
  const read = new OptionReader(place, options, ['missing', 'create', 'signal']);
  const said = read.oneOf('missing', ['dead-letter', 'drop', 'create']);
  const create = read.value('create');
  if (create !== undefined && (typeof create !== 'object' || create === null || Array.isArray(create)))
    throw read.invalid('create', 'must be an object of properties');
  const kind = said ?? (create === undefined ? policy.missing : 'create');
  if (kind === 'create') return { kind, given: create ?? {} };
  if (create === undefined) return { kind };
  throw new SpillwayError(
    'CONFIG_INVALID',
    `missing: '${kind}' in ${place} makes no row, so create would do nothing. Say missing: 'create', or leave create out`,
  );
}
