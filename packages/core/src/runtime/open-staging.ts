import type { Tier } from '../policy/durability.js';
import { SpillwayError } from '../errors.js';
import type { Logger, ResolvedOptions } from '../options.js';
import type { PreparedSink } from '../sink/change-sink.js';
import { beforeDeadline, DeadlinePassed } from '../staging/deadline.js';
import { DEFAULT_LIMITS } from '../staging/limits.js';
import { openClusterStaging } from '../staging/cluster/open-cluster-staging.js';
import { openNodesStaging, type NodesStagingOptions } from '../staging/nodes/open-nodes-staging.js';
import { openRedisStaging } from '../staging/redis/open-redis-staging.js';
import type { StagingStore } from '../staging/staging-store.js';

/**
 * The staging store that the options name.
 * @param prepared the database that takes its changes, and the number of its shards
 * @param claimTier the strictest tier that policies of this process ask for
 * @param logger is told when another server has taken the place of Redis
 * @param end when it is aborted, no caller waits any more: this rejects with the signal's reason, and closes a store
 * that is opened later
 * @param isMoving for the process that moves the shards of this map, while every other one is refused
 */
export async function openStaging(
  options: ResolvedOptions,
  prepared: PreparedSink,
  claimTier: () => Tier,
  logger: Logger,
  end: AbortSignal,
  isMoving = false,
): Promise<StagingStore> {
  end.throwIfAborted();
  const opening = open(options, prepared, { claimTier, logger, end, isMoving });
  opening
    .then(
      async (store) => end.aborted && store.close(),
      () => undefined,
    )
    .catch(() => undefined);
  const aborted = new Promise<never>((_, reject) => {
    end.addEventListener('abort', () => reject(end.reason as Error), { once: true });
  });
  return Promise.race([opening, aborted]);
}

interface Around {
  readonly claimTier: () => Tier;
  readonly logger: Logger;
  readonly end: AbortSignal;
  readonly isMoving: boolean;
}

async function open(options: ResolvedOptions, prepared: PreparedSink, around: Around): Promise<StagingStore> {
  const { identity: database, shards } = prepared;
  const { staging, namespace, rememberMs, cacheBytes, stageTimeoutMs, keepLetters, keepLettersMs } = options;
  switch (staging.kind) {
    case 'store':
      return staging.store;
    case 'factory':
      return made(async () =>
        staging.create({
          namespace,
          shards,
          stageTimeoutMs,
          rememberMs,
          cacheBytes,
          keepLetters,
          keepLettersMs,
          database,
        }),
      );
    case 'redis':
      return openRedisStaging({ ...redisOptions(options, prepared, around), redis: staging.target });
    case 'nodes':
      return openNodesStaging({ ...redisOptions(options, prepared, around), redis: staging.choice });
    case 'cluster':
      return openClusterStaging({ ...redisOptions(options, prepared, around), redis: staging.choice });
  }
}

/** What each Redis server has to follow, be it one or several. */
function redisOptions(
  { namespace, rememberMs, cacheBytes, stageTimeoutMs, acceptVolatile, keepLetters, keepLettersMs }: ResolvedOptions,
  { identity: database, shards }: PreparedSink,
  { claimTier, logger, end, isMoving }: Around,
): Omit<NodesStagingOptions, 'redis'> {
  return {
    namespace,
    shards,
    database,
    rememberMs,
    cacheBytes: Math.floor(cacheBytes / shards),
    keepLetters: Math.ceil(keepLetters / shards),
    keepLettersMs,
    // A call is sent again, and then fenced, for stageTimeout each: the store must remember it well beyond that
    // time.
    seenMs: Math.max(DEFAULT_LIMITS.seenMs, 20 * stageTimeoutMs),
    acceptVolatile,
    // The store notices silence within the time of staging, but never so soon that a long script looks silent.
    onAnotherServer: (server) =>
      logger.warn(
        `Spillway: another Redis answers at ${server} than before, after a failover or a restart. ` +
          'Changes that were acknowledged are lost if it does not have them; ' +
          'a shard where batches are missing says so (staging-loss)',
      ),
    isMoving,
    claimTier,
    onUnverified: (message) => logger.warn(message),
    commandTimeoutMs: Math.min(2_000, Math.max(250, stageTimeoutMs)),
    end,
  };
}

/** The application's function may take its time, and may never answer. Its caller gets an error after this time. */
const FACTORY_MS = 10_000;

async function made(create: () => Promise<StagingStore>): Promise<StagingStore> {
  const store = create();
  try {
    return await beforeDeadline(store, FACTORY_MS);
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error;
    // A store that comes too late is closed.
    void store.then(async (late) => late.close()).catch(() => undefined);
    throw new SpillwayError(
      'STAGING_UNAVAILABLE',
      `The function that the option "staging" gives has made no staging store within ${FACTORY_MS / 1_000} s; ` +
        'nothing was staged. Let it answer sooner, or reject and say why',
      { cause: error },
    );
  }
}
