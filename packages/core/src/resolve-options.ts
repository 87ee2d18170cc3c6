import { SpillwayError } from './errors.js';
import type {
  ResolvedOptions,
  ResolvedWorker,
  SpillwayOptions,
  StagingChoice,
  StagingFactory,
  Logger,
} from './options.js';
import type { PolicyTarget } from './policy/entity-types.js';
import { describeValue } from './policy/describe-value.js';
import { OptionReader } from './policy/option-reader.js';
import type { PolicyEntry } from './policy/policy-registry.js';
import { classOf } from './policy/policy-registry.js';
import { readDefaults, readPolicy } from './policy/read-policy.js';
import type { PolicyDefaults } from './policy/write-policy.js';
import { readNodes, saysNodes, type NodesChoice } from './staging/nodes/redis-nodes.js';
import { readCluster, saysCluster } from './staging/cluster/redis-cluster.js';
import { NAMESPACE } from './staging/redis/keys.js';
import { readTarget } from './staging/redis/redis-target.js';
import type { StagingStore } from './staging/staging-store.js';

const PLACE = 'the options of spillway()';
const OPTIONS = [
  'redis',
  'staging',
  'namespace',
  'shards',
  'policies',
  'defaults',
  'worker',
  'enabled',
  'leaveAfter',
  'stageTimeout',
  'remember',
  'acceptVolatile',
  'cache',
  'deadLetters',
  'tables',
  'logger',
] as const;
const MINUTE_MS = 60_000;
const CACHE_BYTES = { min: 65_536, max: 1_099_511_627_776 };
const DEFAULT_WORKER: ResolvedWorker = { concurrency: 2, batchSize: 500, pollIntervalMs: 50 };

/**
 * Decides every option of `spillway()`. It opens no connection: rules about Redis or the entities are checked later.
 * @throws SpillwayError `CONFIG_INVALID` that names the option, for one that is unknown, missing or outside its limits.
 */
export function resolveOptions<const Targets extends readonly PolicyTarget[]>(
  options: SpillwayOptions<Targets>,
): ResolvedOptions {
  const read = new OptionReader(PLACE, options, OPTIONS);
  const staging = readStaging(read);
  const worker = readWorker(read);
  const logger = readLogger(read);
  return {
    staging,
    namespace: read.text('namespace', NAMESPACE, "1 to 64 letters, digits, '.', '_', ':' or '-'") ?? 'app',
    ...readShards(read, staging),
    policies: readPolicies(read),
    defaults: readSharedPolicy(read),
    ...(worker && { worker }),
    enabled: (read.boolean('enabled') ?? true) && !isTurnedOff(),
    leaveAfterMs: read.durationMs('leaveAfter', { minMs: 0, maxMs: 60 * MINUTE_MS }) ?? 30_000,
    stageTimeoutMs: read.durationMs('stageTimeout', { minMs: 10, maxMs: 5 * MINUTE_MS }) ?? 2_000,
    rememberMs: read.durationMs('remember', { minMs: 1_000, maxMs: 24 * 60 * MINUTE_MS }) ?? 5 * MINUTE_MS,
    acceptVolatile: read.boolean('acceptVolatile') ?? false,
    cacheBytes: read.nested('cache', ['maxBytes'])?.integer('maxBytes', CACHE_BYTES) ?? 67_108_864,
    ...readLetters(read),
    tables: readTables(read),
    ...(logger && { logger }),
  };
}

/**
 * Reads the map that `reshard()` is given.
 * @throws SpillwayError `CONFIG_INVALID` that names the option
 */
export function resolveNewMap(given: Pick<SpillwayOptions, 'redis' | 'shards'>): NewMap {
  const place = 'the map of reshard()';
  const read = new OptionReader(place, given, ['redis', 'shards']);
  const on = read.has('redis') ? readRedis(read.value('redis'), `redis in ${place}`) : undefined;
  const number = read.integer('shards', SHARDS);
  const { shards = number } = on?.kind === 'nodes' ? shardsOfNodes(read, number, on.choice) : {};
  return { ...(on && { on }), ...(shards !== undefined && { shards }) };
}

/** The map to move to; what is left out stays as it is. */
export interface NewMap {
  readonly on?: RedisChoice;
  readonly shards?: number;
}

const SHARDS = { min: 1, max: 4_096 };

/** For operators, who can set it without a release. */
function isTurnedOff(): boolean {
  return ['0', 'false'].includes(process.env['SPILLWAY_ENABLED'] ?? '');
}

/** For a process of the application's configuration that is a worker, though its other processes only stage. */
function isMadeWorker(): boolean {
  return ['1', 'true'].includes(process.env['SPILLWAY_WORKER'] ?? '');
}

function readStaging(read: OptionReader): StagingChoice {
  if (read.has('redis') === read.has('staging')) {
    const given = read.has('redis') ? 'both redis and staging' : 'neither redis nor staging';
    throw new SpillwayError(
      'CONFIG_INVALID',
      `spillway() was given ${given}. Say where changes are staged by one of them, such as redis: 'redis://localhost:6379'`,
    );
  }
  if (!read.has('redis')) return readStore(read);
  const given = read.value('redis');
  const where = `redis in ${PLACE}`;
  return readRedis(given, where);
}

type RedisChoice = Extract<StagingChoice, { readonly kind: 'redis' | 'nodes' | 'cluster' }>;

function readRedis(given: unknown, where: string): RedisChoice {
  if (saysCluster(given)) return { kind: 'cluster', choice: readCluster(given, where) };
  return saysNodes(given)
    ? { kind: 'nodes', choice: readNodes(given, where) }
    : { kind: 'redis', target: readTarget(given, where) };
}

function readStore(read: OptionReader): StagingChoice {
  const given = read.value('staging');
  if (typeof given === 'function') {
    return { kind: 'factory', create: given as StagingFactory };
  }
  if (typeof given !== 'object' || given === null || !('stage' in given) || !('shards' in given)) {
    throw read.invalid('staging', 'must be a staging store, or a function that makes one');
  }
  return { kind: 'store', store: given as StagingStore };
}

/** As many as a store has by default that a function makes without looking at its settings. */
const SHARDS_OF_MADE_STORES = 64;

/**
 * An existing store has its shards already; another number beside it can only be a mistake. For Redis the database
 * knows the number.
 */
function readShards(read: OptionReader, staging: StagingChoice): Pick<ResolvedOptions, 'shards'> {
  const given = read.integer('shards', SHARDS);
  if (staging.kind === 'redis' || staging.kind === 'cluster') return given === undefined ? {} : { shards: given };
  if (staging.kind === 'nodes') return shardsOfNodes(read, given, staging.choice);
  if (staging.kind === 'factory') return { shards: given ?? SHARDS_OF_MADE_STORES };
  if (given !== undefined && given !== staging.store.shards) {
    throw read.invalid('shards', `must be left out, or be ${staging.store.shards} as in the store given by staging`);
  }
  return { shards: staging.store.shards };
}

function shardsOfNodes(
  read: OptionReader,
  given: number | undefined,
  { shares }: NodesChoice,
): Pick<ResolvedOptions, 'shards'> {
  const listed = shares && [...shares.values()].flat().length;
  if (given !== undefined && listed !== undefined && given !== listed)
    throw read.invalid('shards', `must be left out, or be ${listed} as in redis.shards`);
  const shards = given ?? listed;
  return shards === undefined ? {} : { shards };
}

function readPolicies(read: OptionReader): readonly PolicyEntry[] {
  const given = read.has('policies') ? read.value('policies') : [];
  if (!Array.isArray(given)) {
    throw read.invalid('policies', 'must be an array of pairs: [[Product, { … }]]');
  }
  return given.map((entry: unknown, index) => readEntry(entry, index));
}

function readEntry(entry: unknown, index: number): PolicyEntry {
  if (!Array.isArray(entry) || entry.length !== 2 || !isTarget(entry[0])) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `policies[${index}] in ${PLACE} is ${describeValue(entry)}; it must be a pair of an entity class, schema or repository class and its policy: [Product, { … }]`,
    );
  }
  const pair = entry as unknown as PolicyEntry;
  readPolicy(`the policy of ${classOf(pair[0]).name}`, pair[1]);
  return pair;
}

function isTarget(value: unknown): value is PolicyTarget {
  return (
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && 'class' in value && typeof value.class === 'function')
  );
}

/** They are read here only to refuse bad ones at once; the policy of each entity is decided when the ORM knows it. */
function readSharedPolicy(read: OptionReader): PolicyDefaults {
  const given = read.has('defaults') ? read.value('defaults') : {};
  readDefaults(given);
  return given as PolicyDefaults;
}

function readWorker(read: OptionReader): ResolvedWorker | undefined {
  const given = read.has('worker') ? read.value('worker') : true;
  if (typeof given === 'boolean') {
    return given || isMadeWorker() ? DEFAULT_WORKER : undefined;
  }
  const worker = read.nested('worker', ['concurrency', 'batchSize', 'pollInterval']);
  return {
    concurrency: worker?.integer('concurrency', { min: 1, max: 64 }) ?? DEFAULT_WORKER.concurrency,
    batchSize: worker?.integer('batchSize', { min: 1, max: 10_000 }) ?? DEFAULT_WORKER.batchSize,
    pollIntervalMs: worker?.durationMs('pollInterval', { minMs: 1, maxMs: MINUTE_MS }) ?? DEFAULT_WORKER.pollIntervalMs,
  };
}

function readLetters(read: OptionReader): Pick<ResolvedOptions, 'keepLetters' | 'keepLettersMs'> {
  const letters = read.nested('deadLetters', ['keep', 'keepFor']);
  const age = { minMs: MINUTE_MS, maxMs: 87_600 * 60 * MINUTE_MS };
  return {
    keepLetters: letters?.integer('keep', { min: 1, max: 100_000_000 }) ?? 100_000,
    keepLettersMs: letters?.durationMs('keepFor', age) ?? 0,
  };
}

function readTables(read: OptionReader): ResolvedOptions['tables'] {
  const tables = read.nested('tables', ['schema', 'ensure']);
  const schema = tables?.text('schema', /^[^\0]{1,63}$/, 'the name of a schema, 1 to 63 characters');
  return { ensure: tables?.boolean('ensure') ?? false, ...(schema !== undefined && { schema }) };
}

function readLogger(read: OptionReader): Logger | undefined {
  const given = read.value('logger');
  if (given === undefined) {
    return undefined;
  }
  const methods = typeof given === 'object' && given !== null ? (given as Partial<Record<string, unknown>>) : {};
  const missing = ['warn', 'error'].find((name) => typeof methods[name] !== 'function');
  if (missing !== undefined) {
    throw read.invalid(
      'logger',
      `must have the methods warn(message) and error(message), as console has; ${missing} is missing`,
    );
  }
  return given as Logger;
}
