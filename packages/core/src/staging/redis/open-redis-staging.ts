import { SpillwayError } from '../../errors.js';
import { DEFAULT_LIMITS, type StagingLimits } from '../limits.js';
import { nothingStaged } from '../staging-errors.js';
import type { Tier } from '../../policy/durability.js';
import { checkAnswers } from './answer-check.js';
import { RedisConnection } from './connection.js';
import { DurableServer } from './durability/durable-server.js';
import { type DurabilityOptions, DurableScripts } from './durability/durable-scripts.js';
import { MAP_OF_ONE_SERVER, moving } from './epoch.js';
import { MAP_FIELD, mapKey, shardKeys } from './keys.js';
import { RedisStaging } from './redis-staging.js';
import type { RedisTarget } from './redis-target.js';
import { checkRights } from './right-check.js';
import { checkKeeping, refuseMode } from './server-checks.js';
import { type ScriptRunner, ShardScripts } from './shard-scripts.js';

export interface RedisStagingOptions extends Partial<StagingLimits> {
  /** A URL, options of ioredis, or your own client, which Spillway duplicates, and neither changes nor closes. */
  readonly redis: RedisTarget;
  /** Begins every key. Applications with different namespaces share nothing. @defaultValue 'spillway' */
  readonly namespace?: string;
  /** Number of logical partitions; fixed for the life of the data. @defaultValue 64 */
  readonly shards?: number;
  /** Generation of the shard map; a process with another one is refused. @defaultValue '1' */
  readonly epoch?: string;
  /** For the process that moves the shards of this map, while every other one is refused. @defaultValue false */
  readonly isMoving?: boolean;
  /** The database's own name: changes staged for one database never go to another. @defaultValue none */
  readonly database?: string;
  /** Accept a Redis that evicts keys or keeps nothing over a restart. @defaultValue false */
  readonly acceptVolatile?: boolean;
  /** A command that takes longer loses its connection, milliseconds. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
  /** Called when another server answers than before, or the same one after a restart. @defaultValue nothing */
  readonly onAnotherServer?: (server: string) => void;
  /** The shards of this server, if others have the rest; it is asked about no other. @defaultValue all */
  readonly own?: readonly number[];
  /** Looks at the server before anything of the namespace is read. @defaultValue refuses one of several servers */
  readonly lookFirst?: (connection: RedisConnection) => Promise<void>;
  /** The strictest tier that policies of this process ask for: its claims wait for it. @defaultValue `'primary'` */
  readonly claimTier?: () => Tier;
  /**
   * How long nothing is claimed while no replica is online and `claimTier` asks for some, milliseconds.
   * @defaultValue 30_000
   */
  readonly aloneMs?: number;
  /** Called with what the server cannot give of `claimTier`, or does not let us ask. @defaultValue nothing */
  readonly onUnverified?: (message: string) => void;
  /** Aborted: the opening is given up, wherever it is. @defaultValue none */
  readonly end?: AbortSignal;
}

/**
 * Connects to one Redis server, and checks once that it may be used.
 *
 * @throws SpillwayError `STAGING_UNAVAILABLE`: it cannot be reached. `CONFIG_INVALID`: it refuses this user, or the
 * client changes its answers. `REDIS_VOLATILE`: it would lose staged changes. `SHARD_MAP_MISMATCH`: its changes were
 * staged with other `shards`, another `epoch`, or for another `database`.
 */
export async function openRedisStaging(options: RedisStagingOptions): Promise<RedisStaging> {
  const connection = await RedisConnection.open(
    options.redis,
    options.commandTimeoutMs ?? 2_000,
    options.onAnotherServer,
    options.end,
  );
  try {
    await refuseMode(connection);
    await checkAnswers(connection);
    const namespace = options.namespace ?? 'spillway';
    const [first = 0] = options.own ?? [];
    await checkRights(connection, shardKeys(namespace, first));
    const shards = options.shards ?? 64;
    const map = { epoch: options.epoch ?? MAP_OF_ONE_SERVER, shards, database: options.database };
    const scriptsOn = (runner: ScriptRunner): ShardScripts =>
      new ShardScripts(runner, namespace, shards, {
        ...(options.isMoving === true ? moving(map) : map),
        ...(options.own && { own: options.own }),
      });
    const scripts = scriptsOn(connection);
    const keeping = await checkKeeping(connection, options.acceptVolatile ?? false);
    await (options.lookFirst ?? refuseNode(namespace))(connection);
    await scripts.run('stats', first);
    const limits = limitsOf(options);
    const { redis, commandTimeoutMs = 2_000, end } = options;
    const durability = durabilityOf(options);
    const server = new DurableServer({
      ...durability,
      server: connection.server,
      connect: async () => RedisConnection.open(redis, commandTimeoutMs, undefined, end),
    });
    const durable = new DurableScripts({ ...durability, connection, scriptsOn, limits, durable: server });
    await durable.look();
    return new RedisStaging(connection, scripts, limits, keeping, durable);
  } catch (error) {
    await connection.close();
    throw nothingStaged(error, `Redis at ${connection.server} was opened`);
  }
}

/** How long tiers are waited for, and who is told what is not verified. */
export function durabilityOf(options: Omit<RedisStagingOptions, 'redis'>): DurabilityOptions {
  const { commandTimeoutMs = 2_000, claimTier = () => 'primary', aloneMs = 30_000, onUnverified } = options;
  return {
    // A call of two waits is answered before its connection looks silent.
    waitMs: Math.floor(commandTimeoutMs / 3),
    aloneMs,
    warn: onUnverified ?? (() => undefined),
    claimTier,
  };
}

/** A server that has some of the shards is not one that has all. */
function refuseNode(namespace: string): (connection: RedisConnection) => Promise<void> {
  return async (connection) => {
    if ((await connection.command('HEXISTS', [mapKey(namespace), MAP_FIELD])) === 0) return;
    throw new SpillwayError(
      'SHARD_MAP_MISMATCH',
      `Redis at ${connection.server} is one of several servers of this namespace, but here "redis" names it alone; nothing was done. ` +
        'Give all processes the same "redis.nodes", or this one another namespace',
    );
  };
}

export function limitsOf(options: Partial<StagingLimits>): StagingLimits {
  return {
    rememberMs: options.rememberMs ?? DEFAULT_LIMITS.rememberMs,
    rememberRows: options.rememberRows ?? DEFAULT_LIMITS.rememberRows,
    seenMs: options.seenMs ?? DEFAULT_LIMITS.seenMs,
    seenCalls: options.seenCalls ?? DEFAULT_LIMITS.seenCalls,
    cacheBytes: options.cacheBytes ?? DEFAULT_LIMITS.cacheBytes,
    keepLetters: options.keepLetters ?? DEFAULT_LIMITS.keepLetters,
    keepLettersMs: options.keepLettersMs ?? DEFAULT_LIMITS.keepLettersMs,
  };
}
