import type { WriteBehindType } from './write-behind-type.js';

/**
 * What has to be the same in two releases for pending records of an entity to mean the same to both: the table, the counters with their digits, how conflicts are noticed and settled, and the
 * kind of version. How long records wait and how often they are tried is nobody else's business. A conflict function counts as one, whatever it does.
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
