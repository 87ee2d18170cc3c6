import { SpillwayError } from '../errors.js';
import { listOf, OptionReader } from './option-reader.js';
import type { ConflictFunction } from './conflict-function.js';
import { DURABILITIES } from './durability.js';
import { QUERY_MODES } from './query-mode.js';
import type { PolicyConflict, ResolvedPolicy } from './policy.js';
import type { ValidateOptions } from './write-policy.js';

const HOUR_MS = 3_600_000;
const WAIT = { minMs: 1, maxMs: HOUR_MS };
const DELAY = { minMs: 1, maxMs: 24 * HOUR_MS };
const MAX_COUNTERS = 64;

const CACHE_TTL = { minMs: 1_000, maxMs: 24 * HOUR_MS };

const DEFAULT_OPTIONS = [
  'debounce',
  'maxDelay',
  'detect',
  'conflict',
  'retry',
  'maxPending',
  'maxRecordBytes',
  'durability',
  'onFull',
  'blockTimeout',
  'onStagingDown',
  'queries',
  'drainTimeout',
  'transactions',
  'onDrainTimeout',
  'reads',
  'onStagingLoss',
  'inserts',
  'missing',
  'validate',
  'cache',
] as const;
const POLICY_OPTIONS = [...DEFAULT_OPTIONS, 'counters', 'mode'] as const;
/** The options of an entity that MikroORM writes by itself. */
const THROUGH_OPTIONS: readonly string[] = ['mode', 'cache', 'validate'];

/**
 * One place's options, in resolved form; an option that was left out is absent. `cache: false` overrides a cache of the
 * defaults.
 */
export type PolicyLayer = Partial<Omit<ResolvedPolicy, 'retry' | 'cache'>> & {
  readonly retry: Partial<ResolvedPolicy['retry']>;
  readonly cache?: ResolvedPolicy['cache'] | false;
};

/**
 * Reads the policy of one class.
 * @param place where it stands, as messages call it: `the policy of Product`
 * @throws SpillwayError `CONFIG_INVALID` for an option that is unknown or outside its limits.
 */
export function readPolicy(place: string, policy: unknown): PolicyLayer {
  const read = new OptionReader(place, policy, POLICY_OPTIONS);
  const mode = read.oneOf('mode', ['behind', 'through']);
  if (mode === 'through') refuseWaiting(place, read);
  return present({ ...readWaiting(read), mode, counters: readCounters(read) });
}

/** An option without effect is refused, because the developer expects an effect. */
function refuseWaiting(place: string, read: OptionReader): void {
  const idle = POLICY_OPTIONS.find((name) => !THROUGH_OPTIONS.includes(name) && read.has(name));
  if (idle === undefined) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Option "${idle}" in ${place} is for entities that are written behind, but this one is written through: by SQL, at once. Remove it, or use @WriteBehind (mode: 'behind')`,
  );
}

/** Reads the `defaults` of `spillway()`: every option but `counters`. */
export function readDefaults(defaults: unknown): PolicyLayer {
  return present(readWaiting(new OptionReader('the defaults of spillway()', defaults, DEFAULT_OPTIONS)));
}

function readWaiting(read: OptionReader): Loose<PolicyLayer> {
  const retry = read.nested('retry', ['attempts', 'minDelay', 'maxDelay']);
  return {
    cache: readCache(read),
    debounceMs: read.durationMs('debounce', { minMs: 0, maxMs: HOUR_MS }),
    maxDelayMs: read.durationMs('maxDelay', { minMs: 0, maxMs: DELAY.maxMs }),
    detect: read.oneOf('detect', ['version', 'changed-properties', 'none']),
    conflict: readConflict(read),
    retry: present({
      attempts: retry?.integer('attempts', { min: 1, max: 1_000 }),
      minDelayMs: retry?.durationMs('minDelay', WAIT),
      maxDelayMs: retry?.durationMs('maxDelay', DELAY),
    }),
    maxPending: read.integer('maxPending', { min: 1, max: 1_000_000_000 }),
    maxRecordBytes: read.integer('maxRecordBytes', { min: 1_024, max: 67_108_864 }),
    durability: read.oneOf('durability', DURABILITIES),
    onFull: read.oneOf('onFull', ['block', 'reject', 'write-through']),
    onStagingDown: read.oneOf('onStagingDown', ['fail', 'write-through']),
    blockTimeoutMs: read.durationMs('blockTimeout', WAIT),
    queries: read.oneOf('queries', QUERY_MODES),
    drainTimeoutMs: read.durationMs('drainTimeout', WAIT),
    transactions: read.oneOf('transactions', ['through', 'stage']),
    onDrainTimeout: read.oneOf('onDrainTimeout', ['throw', 'overlay']),
    reads: read.oneOf('reads', ['primary', 'replica']),
    onStagingLoss: read.oneOf('onStagingLoss', ['park', 'apply']),
    inserts: read.oneOf('inserts', ['sql', 'refuse']),
    missing: read.oneOf('missing', ['dead-letter', 'drop', 'create']),
    validate: readValidate(read),
  };
}

function readValidate(read: OptionReader): ResolvedPolicy['validate'] | undefined {
  const given = read.value('validate');
  if (given === undefined || given === false) return given;
  if (given === true) return {};
  if (typeof given !== 'object') throw read.invalid('validate', 'must be true, false or an object of options');
  const options = read.nested('validate', ['groups', 'always', 'strictGroups', 'stopAtFirstError']);
  const groups = options?.value('groups');
  if (groups !== undefined && !(Array.isArray(groups) && groups.every((group) => typeof group === 'string')))
    throw read.invalid('validate', 'must name its groups by an array of texts');
  return present<ValidateOptions>({
    groups,
    always: options?.boolean('always'),
    strictGroups: options?.boolean('strictGroups'),
    stopAtFirstError: options?.boolean('stopAtFirstError'),
  });
}

function readCache(read: OptionReader): PolicyLayer['cache'] {
  if (read.value('cache') === false) return false;
  const cache = read.nested('cache', ['ttl']);
  if (cache === undefined) return undefined;
  const ttlMs = cache.durationMs('ttl', CACHE_TTL);
  if (ttlMs === undefined) throw read.invalid('cache', "must say how long a copy is believed: { ttl: '5m' }");
  return { ttlMs };
}

const SIMPLE_STRATEGIES = ['overwrite', 'keep-database', 'dead-letter'] as const;

function readConflict(read: OptionReader): PolicyConflict | undefined {
  const given = read.value('conflict');
  if (typeof given === 'function') {
    return { kind: 'function', decide: given as ConflictFunction };
  }
  if (typeof given === 'object' && given !== null) {
    const merge = read.nested('conflict', ['merge'])?.nested('merge', ['both']);
    if (!merge) {
      throw read.invalid('conflict', "must say how to merge: { merge: { both: 'overwrite' } }");
    }
    return { kind: 'merge', both: merge.oneOf('both', SIMPLE_STRATEGIES) ?? 'dead-letter' };
  }
  const simple = SIMPLE_STRATEGIES.find((strategy) => strategy === given);
  if (given === undefined || given === 'merge' || simple) {
    return simple ? { kind: simple } : given === 'merge' ? { kind: 'merge', both: 'dead-letter' } : undefined;
  }
  throw read.invalid(
    'conflict',
    `must be ${listOf([...SIMPLE_STRATEGIES, 'merge'])}, { merge: { both } } or a function`,
  );
}

function readCounters(read: OptionReader): readonly string[] | undefined {
  const given = read.value('counters');
  if (given === undefined) {
    return undefined;
  }
  if (!Array.isArray(given) || !given.every((name) => typeof name === 'string' && name !== '')) {
    throw read.invalid('counters', 'must be an array of property names');
  }
  if (given.length > MAX_COUNTERS) {
    throw read.invalid('counters', `must name at most ${MAX_COUNTERS} properties, not ${given.length}`);
  }
  return [...new Set(given as string[])];
}

type Loose<T> = { readonly [K in keyof T]: T[K] | undefined };

/** Without the options that were left out, so that spreading it over other options leaves those alone. */
function present<T extends object>(options: Loose<T>): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
