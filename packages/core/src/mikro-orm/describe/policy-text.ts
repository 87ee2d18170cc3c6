import type { WriteBehindType } from './write-behind-type.js';

/**
 * The parts of a policy that two releases must share for pending records of an entity to mean the same to both: the
 * table with its key, the counters with their digits, how conflicts are noticed and settled, and the kind of version.
 * How long records wait and how often they are tried may differ. All conflict functions count as the same one.
 */
export function policyText({ table, policy, counters, version }: WriteBehindType): string {
  const { conflict } = policy;
  return JSON.stringify({
    table: [table.schema, table.name],
    key: table.key.map(({ name, type }) => [name, type]),
    counters: [...counters].toSorted(([one], [other]) => (one < other ? -1 : 1)),
    detect: table.detect,
    conflict: conflict.kind === 'function' ? 'function' : conflict,
    version: version?.kind,
  });
}
