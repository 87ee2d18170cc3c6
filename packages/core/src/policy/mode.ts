import { isDeepStrictEqual } from 'node:util';
import type { StoredPolicy } from './write-policy.js';

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
