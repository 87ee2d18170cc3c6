import { SpillwayError } from '../errors.js';
import { describeValue } from './describe-value.js';
import type { PolicyClass } from './entity-types.js';
import { readPolicy } from './read-policy.js';
import type { StoredPolicy } from './write-policy.js';
import { isDeepStrictEqual } from 'node:util';

/**
 * The key under which a class carries its policy, in the global registry: two copies of this package in one process
 * agree.
 */
const POLICY: unique symbol = Symbol.for('spillway.policy');

const DECORATORS: Readonly<Record<WriteMode, string>> = { behind: 'WriteBehind', through: 'WriteThrough' };

/** Puts a policy on a class, which can carry one. */
export function attach(target: PolicyClass, policy: StoredPolicy, mode: WriteMode): void {
  refuseAnythingButClasses(target, mode);
  const place = `the policy of ${target.name}`;
  readPolicy(place, policy);
  if (modeOf(policy) !== mode) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `mode in ${place} is '${modeOf(policy)}', but it stands in @${DECORATORS[mode]}. Use @${DECORATORS[modeOf(policy)]}`,
    );
  }
  const before = policyOn(target);
  if (before === undefined) {
    Object.defineProperty(target, POLICY, { value: Object.freeze({ ...policy }) });
  } else if (modeOf(before) !== mode) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${target.name} carries both @WriteBehind and @WriteThrough. Keep one of them`,
    );
  } else if (!isSamePolicy(before, policy)) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${target.name} carries two different @${DECORATORS[mode]} policies. Keep one of them`,
    );
  }
}

/** Callers without types may hand over a schema. */
function refuseAnythingButClasses(target: unknown, mode: WriteMode): void {
  if (typeof target !== 'function') {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `@${DECORATORS[mode]} stands on ${describeValue(target)}; it must stand on a class. For a schema, call it with the schema's class: ${DECORATORS[mode]}(policy)(Schema.class)`,
    );
  }
}

/** The policy that stands on this very class, not on one that it extends. */
export function policyOn(target: PolicyClass): StoredPolicy | undefined {
  return Object.hasOwn(target, POLICY) ? (target as PolicyCarrier)[POLICY] : undefined;
}

interface PolicyCarrier extends PolicyClass {
  readonly [POLICY]?: StoredPolicy;
}

/** Staged first and written a moment later, or written by SQL at once. */
export type WriteMode = NonNullable<StoredPolicy['mode']>;

export function modeOf(policy: StoredPolicy): WriteMode {
  return policy.mode ?? 'behind';
}

/** A policy that names the default mode equals one that leaves it out. */
export function isSamePolicy(one: StoredPolicy | undefined, other: StoredPolicy | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return isDeepStrictEqual({ ...one, mode: modeOf(one) }, { ...other, mode: modeOf(other) });
}
