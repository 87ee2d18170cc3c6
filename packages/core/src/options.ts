import type { EntityOf, PolicyTarget } from './policy/entity-types.js';
import type { Duration } from './policy/duration.js';
import type { PolicyEntry } from './policy/policy-registry.js';
import type { PolicyDefaults, WritePolicy, WriteThroughPolicy } from './policy/write-policy.js';
import type { NamedNode, NodesChoice, RedisNodes } from './staging/nodes/redis-nodes.js';
import type {
  ClusterChoice,
  ClusterClient,
  ClusterNode,
  NatMap,
  RedisClusterOptions,
  SharedOptions,
} from './staging/cluster/redis-cluster.js';
import type { RedisTarget } from './staging/redis/redis-target.js';
import type { StagingStore } from './staging/staging-store.js';

export type {
  ClusterClient,
  ClusterNode,
  NamedNode,
  NatMap,
  RedisClusterOptions,
  RedisNodes,
  RedisTarget,
  SharedOptions,
};

/**
 * All options of `spillway()`. `redis` or `staging` must be given; everything else has a default. `resolveOptions`
 * decides them all, once.
 */
export interface SpillwayOptions<Targets extends readonly PolicyTarget[] = readonly PolicyTarget[]> {
  /**
   * Where changes are staged: a URL (`redis://` or `rediss://`), ioredis options, or an ioredis client. A client is
   * duplicated, never reconfigured and never closed. Or several servers, which have the shards between them: `{ nodes:
   * ['redis://one', 'redis://two'] }`.
   */
  readonly redis?: RedisTarget | RedisNodes | RedisClusterOptions | ClusterClient;

  /** Another staging store instead of Redis: the store itself, or a function that makes it at the first use. */
  readonly staging?: StagingStore | StagingFactory;

  /**
   * The first part of every key; it keeps several applications on one Redis apart. 1 to 64 letters, digits, `.`, `_`,
   * `:` or `-`.
   * @defaultValue `'app'`
   */
  readonly namespace?: string;

  /**
   * Logical partitions of the staging store. 1 to 4,096; fixed for the life of the data.
   *
   * Connections of workers write different shards at the same time. More shards than that buy nothing: each shard that
   * a flush touches costs Redis two calls.
   * @defaultValue with `redis`, those that the database has for the namespace; a new namespace gets `16`. With
   * `staging`, those of the store, or `64` for a function that makes one
   */
  readonly shards?: number;

  /**
   * Policies of entities that cannot carry a decorator: pairs of an entity class, a schema or a repository class, and
   * its policy.
   * @defaultValue none
   * @example
   * ```ts
   * policies: [[ProductSchema, { debounce: '50ms' }], [CountrySchema, { mode: 'through', cache: { ttl: '5m' } }]]
   * ```
   */
  readonly policies?: PolicyEntries<Targets>;

  /** Policy options for all entities; an entity's own policy takes precedence. */
  readonly defaults?: PolicyDefaults;

  /**
   * `true`, or options: this process also writes to the database. `false`: it only stages, and another process must
   * write. The environment variable `SPILLWAY_WORKER=1` (or `true`) makes a worker of a process that has `false`.
   * @defaultValue `true`
   */
  readonly worker?: boolean | WorkerOptions;

  /**
   * `false`: this process stages nothing any more. It writes every entity by SQL. At first it looks for pending changes
   * of an entity, until all of them are written and no process stages it; from then on plain MikroORM writes it, and
   * Redis is not asked again. The environment variable `SPILLWAY_ENABLED=0` (or `false`) does the same.
   * @defaultValue `true`
   */
  readonly enabled?: boolean;

  /**
   * How long no process must have staged an entity before a process that writes it by SQL leaves it. From then on,
   * running processes of the release that staged the entity are refused. 0 to 1 hour.
   * @defaultValue `'30s'`
   */
  readonly leaveAfter?: Duration;

  /**
   * How long staging is tried before it fails with `STAGING_TIMEOUT`, and how long a read asks for staged changes. 10
   * milliseconds to 5 minutes.
   * @defaultValue `'2s'`
   */
  readonly stageTimeout?: Duration;

  /**
   * How long the version of a written row is remembered, to refuse stale writers at once. 1 second to 24 hours.
   * @defaultValue `'5m'`
   */
  readonly remember?: Duration;

  /**
   * Accepts a Redis without persistence, or one that evicts keys. Such a Redis loses staged changes when it restarts,
   * or when it is full; without this option it is refused with `REDIS_VOLATILE`.
   * @defaultValue `false`
   */
  readonly acceptVolatile?: boolean;

  /** How many dead letters are kept, and for how long. */
  readonly deadLetters?: DeadLetterLimits;

  /** Limits of the cache, for all entities together. The policies say which entities are cached. */
  readonly cache?: CacheLimits;

  /** Spillway's own tables in the database. */
  readonly tables?: TableOptions;

  /**
   * Where warnings and failures in the background go. It never sees a value of an entity.
   * @defaultValue MikroORM's logger
   */
  readonly logger?: Logger;
}

/** Creates the staging store, at the first use. */
export type StagingFactory = (settings: StagingSettings) => StagingStore | Promise<StagingStore>;

/** The options that every staging store has to follow. */
export interface StagingSettings {
  readonly namespace: string;
  readonly shards: number;
  readonly stageTimeoutMs: number;
  readonly rememberMs: number;
  /** Most bytes of copies of rows, over all shards. */
  readonly cacheBytes: number;
  /** Most dead letters, over all shards. */
  readonly keepLetters: number;
  /** How long a dead letter is kept; 0: as long as there is room. */
  readonly keepLettersMs: number;
  /** The database's own name: changes that were staged for one database must never go to another. */
  readonly database: string;
}

/**
 * Pairs of a class or schema and a policy that is checked against its entity. Options of the type `SpillwayOptions`,
 * before `spillway()` gets them, no longer know their entities. They accept any names of counters, which are checked
 * when the ORM discovers the entities.
 */
export type PolicyEntries<Targets extends readonly PolicyTarget[]> = readonly PolicyTarget[] extends Targets
  ? readonly PolicyEntry[]
  : { readonly [Index in keyof Targets]: readonly [Targets[Index], EntryPolicy<EntityOf<Targets[Index]> & object>] };

/** The policy of one pair, in either mode. */
export type EntryPolicy<Entity extends object> =
  | WritePolicy<Entity>
  | (WriteThroughPolicy & { readonly mode: 'through' });

export interface WorkerOptions {
  /**
   * How many batches are written at once, each on a connection of its own. 1 to 64.
   * @defaultValue `2`
   */
  readonly concurrency?: number;

  /**
   * Most records in one batch. 1 to 10,000.
   * @defaultValue `500`
   */
  readonly batchSize?: number;

  /**
   * How often the worker asks for changes that other processes have staged. 1 millisecond to 1 minute.
   * @defaultValue `'50ms'`
   */
  readonly pollInterval?: Duration;
}

export interface CacheLimits {
  /**
   * Most bytes of copies of rows, over all shards, about. Each shard takes an equal part of it, and its oldest copies
   * are dropped first. A copy of more than half of a shard's part is not kept. 65,536 (64 KiB) to 1,099,511,627,776 (1
   * TiB).
   * @defaultValue `67_108_864` (64 MiB)
   */
  readonly maxBytes?: number;
}

/**
 * A dead letter holds a change that was acknowledged and is not in the database. When the oldest are dropped, there is
 * an event (`dead-letters-dropped`), an error in the log, and a number in `status()`.
 */
export interface DeadLetterLimits {
  /**
   * Most dead letters, over all shards, about; each shard takes an equal part of it, and its oldest go first. 1 to
   * 100,000,000. Processes that name different numbers drop by the smallest.
   * @defaultValue `100_000`
   */
  readonly keep?: number;

  /**
   * How long a dead letter is kept. It is dropped when another record of its shard becomes one, and by a worker every
   * ten minutes. 1 minute to 87,600 hours (ten years).
   * @defaultValue as long as there is room
   */
  readonly keepFor?: Duration;
}

export interface TableOptions {
  /**
   * Database schema of the tables.
   * @defaultValue the ORM's default schema
   */
  readonly schema?: string;

  /**
   * Creates the tables at the first use if they are missing. Otherwise a migration has to.
   * @defaultValue `false`
   */
  readonly ensure?: boolean;
}

/** The methods that Spillway needs of a logger. `console` has them. */
export interface Logger {
  warn(message: string): void;
  error(message: string): void;
  info?(message: string): void;
  debug?(message: string): void;
}

/** The options with everything decided, durations in milliseconds. */
export interface ResolvedOptions extends Omit<StagingSettings, 'database' | 'shards'> {
  /** Absent: as many as the database has for the namespace. */
  readonly shards?: number;
  readonly staging: StagingChoice;
  readonly policies: readonly PolicyEntry[];
  readonly defaults: PolicyDefaults;
  /** Absent: this process only stages. */
  readonly worker?: ResolvedWorker;
  readonly enabled: boolean;
  readonly leaveAfterMs: number;
  readonly acceptVolatile: boolean;
  readonly tables: { readonly schema?: string; readonly ensure: boolean };
  /** Absent: the ORM's own. */
  readonly logger?: Logger;
}

export type StagingChoice =
  | { readonly kind: 'redis'; readonly target: RedisTarget }
  | { readonly kind: 'nodes'; readonly choice: NodesChoice }
  | { readonly kind: 'cluster'; readonly choice: ClusterChoice }
  | { readonly kind: 'store'; readonly store: StagingStore }
  | { readonly kind: 'factory'; readonly create: StagingFactory };

export interface ResolvedWorker {
  readonly concurrency: number;
  readonly batchSize: number;
  readonly pollIntervalMs: number;
}
