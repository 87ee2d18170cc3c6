import { attach } from './attach-policy.js';
import type { PolicyClass } from './entity-types.js';
import type { WriteThroughPolicy } from './write-policy.js';

/**
 * Leaves the writing of an entity to MikroORM, by SQL and at once, and lets its rows be cached. Stands where
 * `@WriteBehind` can stand; an entity carries one of the two. Such an entity can be read and written while Redis is
 * down.
 *
 * @example
 * ```ts
 * @Entity()
 * @WriteThrough({ cache: { ttl: '5m' } })
 * class Country { … }
 * ```
 *
 * @throws SpillwayError `CONFIG_INVALID` for an option that is unknown, is about waiting, or is outside its limits, and
 * if the class carries another policy already.
 */
export function WriteThrough(policy: WriteThroughPolicy = {}): WriteThroughDecorator {
  return (target) => attach(target, { ...policy, mode: 'through' }, 'through');
}

/** A class decorator of either kind, for any entity or repository. */
export type WriteThroughDecorator = (target: PolicyClass, context?: { readonly kind: 'class' }) => void;
