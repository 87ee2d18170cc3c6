import type { TableName } from '../../../change/row-key.js';
import type { RegistryKind } from './postgres-registry.js';

/**
 * Releases before the table `spillway_registry` keep the registry in the ledger: in rows of no shard, whose tokens no
 * batch has. Such a release may run beside this one during a rollout, or take its place again after one. So this
 * release reads the rows that older releases write, and writes the rows that older releases read (decision 54).
 */
export const NO_SHARD = -1;

/** The token under which older releases look for an entry. */
export function olderToken(kind: RegistryKind, name: string, { schema, table }: TableName): string {
  return `${kind}:${kind === 'staged' ? name : `${schema}.${table}`}`;
}

/** The condition by which a row of the ledger is an entry of the registry, and no batch or hold. */
export function isOlderRow(alias: string): string {
  return `(${alias}.shard = ${NO_SHARD} and ${alias}.token ~ '^(staged|copied|disbelieved):')`;
}

/** SQL that reads such a row, called `old`, as an entry of `spillway_registry`. */
export const OLDER_KIND = `split_part(old.token, ':', 1)`;
export const OLDER_NAME: string = `case ${OLDER_KIND} when 'staged' then substr(old.token, 8)
  else format('[%s,%s]', to_json(old.outcome ->> 'schema'), to_json(old.outcome ->> 'table')) end`;
export const OLDER_ENTRY: string = `old.namespace, ${OLDER_KIND} as kind, ${OLDER_NAME} as name,
old.outcome ->> 'schema' as schema_name, old.outcome ->> 'table' as table_name`;
