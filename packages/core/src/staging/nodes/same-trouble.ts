import type { UnwellServer } from '../staging-store.js';

/**
 * Puts together what has failed in the same words. In a cluster each shard is asked for alone, and those of one server
 * fail alike.
 */
export function sameTrouble(failed: readonly UnwellServer[]): readonly UnwellServer[] {
  return [...Map.groupBy(failed, ({ error }) => error.message).values()].map((alike) => ({
    shards: alike.flatMap(({ shards }) => shards),
    error: (alike[0] as UnwellServer).error,
  }));
}
