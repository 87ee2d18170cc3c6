import { SpillwayError } from '../errors.js';
import { formatDuration } from './duration.js';
import type { ResolvedPolicy } from './policy.js';
import { readDefaults, readPolicy } from './read-policy.js';
import type { PolicyLayer } from './read-policy.js';
import type { PolicyDefaults, StoredPolicy } from './write-policy.js';

const DEFAULTS: ResolvedPolicy = {
  mode: 'behind',
  debounceMs: 100,
  maxDelayMs: 1_000,
  detect: 'version',
  conflict: { kind: 'dead-letter' },
  counters: [],
  retry: { attempts: 5, minDelayMs: 100, maxDelayMs: 30_000 },
  maxPending: 1_000_000,
  maxRecordBytes: 1_048_576,
  durability: 'primary',
  onFull: 'block',
  onStagingDown: 'fail',
  blockTimeoutMs: 5_000,
  queries: 'drain',
  drainTimeoutMs: 2_000,
  transactions: 'through',
  onDrainTimeout: 'throw',
  reads: 'primary',
  onStagingLoss: 'park',
  inserts: 'sql',
  missing: 'dead-letter',
  validate: {},
};

/** Facts of the ORM about an entity that its policy depends on. */
export interface EntityFacts {
  /** True if the entity has a version property. */
  readonly versioned: boolean;
}

/**
 * Decides every option of one entity: by its policy, else by the `defaults` of `spillway()`, else by Spillway's own
 * default.
 * @throws SpillwayError `CONFIG_INVALID` that names the option and where it was written.
 */
export function resolvePolicy(
  entity: string,
  policy: StoredPolicy,
  defaults: PolicyDefaults,
  facts: EntityFacts,
): ResolvedPolicy {
  const own = readPolicy(`the policy of ${entity}`, policy);
  const shared = readDefaults(defaults);
  const { cache, ...given } = { ...shared, ...own, retry: { ...shared.retry, ...own.retry } };
  const resolved: ResolvedPolicy = {
    ...DEFAULTS,
    ...given,
    ...(cache && { cache }),
    detect: detectOf(entity, own, shared, facts),
    onStagingDown: onStagingDownOf(entity, own, shared, facts),
    retry: { ...DEFAULTS.retry, ...given.retry },
  };
  refuseContradictions(entity, resolved, own);
  return resolved;
}

/** `'version'` in the defaults is only for entities that have a version; in an entity's own policy it requires one. */
function detectOf(entity: string, own: PolicyLayer, shared: PolicyLayer, facts: EntityFacts): ResolvedPolicy['detect'] {
  const detect = own.detect ?? shared.detect ?? 'version';
  if (detect !== 'version' || facts.versioned) {
    return detect;
  }
  if (own.detect === 'version') {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `The policy of ${entity} says detect: 'version', but ${entity} has no version property. Give it one (@Property({ version: true })), or use 'changed-properties' or 'none'`,
    );
  }
  return 'none';
}

/** The same rule: without a version, SQL could overtake pending changes. */
function onStagingDownOf(
  entity: string,
  own: PolicyLayer,
  shared: PolicyLayer,
  facts: EntityFacts,
): ResolvedPolicy['onStagingDown'] {
  if (facts.versioned) return own.onStagingDown ?? shared.onStagingDown ?? 'fail';
  if (own.onStagingDown !== 'write-through') return 'fail';
  throw new SpillwayError(
    'CONFIG_INVALID',
    `The policy of ${entity} says onStagingDown: 'write-through', but ${entity} has no version property, by which what is pending is told from what is newer. Give it one (@Property({ version: true })), or use 'fail'`,
  );
}

function refuseContradictions(entity: string, resolved: ResolvedPolicy, own: PolicyLayer): void {
  const { debounceMs, maxDelayMs, retry } = resolved;
  if (debounceMs > maxDelayMs) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `debounce of ${entity} (${formatDuration(debounceMs)}) is longer than its maxDelay (${formatDuration(maxDelayMs)}), so it could never be waited for. Lower debounce or raise maxDelay`,
    );
  }
  if (retry.minDelayMs > retry.maxDelayMs) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `retry.minDelay of ${entity} (${formatDuration(retry.minDelayMs)}) is longer than its retry.maxDelay (${formatDuration(retry.maxDelayMs)}). Lower minDelay or raise maxDelay`,
    );
  }
  if (own.conflict?.kind === 'merge' && resolved.detect === 'none') {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `The policy of ${entity} merges conflicts, but nothing detects them. Give ${entity} a version property (@Property({ version: true })), or set detect: 'changed-properties'`,
    );
  }
}
