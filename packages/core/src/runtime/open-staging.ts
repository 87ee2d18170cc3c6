import type { ResolvedOptions } from '../options.js';
import { DEFAULT_LIMITS } from '../staging/limits.js';
import { openRedisStaging } from '../staging/redis/open-redis-staging.js';
import type { StagingStore } from '../staging/staging-store.js';

/**
 * The staging store that the options name.
 * @param database what tells the database from every other, so that what is staged never reaches a wrong one
 * @param end aborted: nobody waits for it any more. It rejects with the signal's reason, and a store that is opened
 * later is closed again
 */
export async function openStaging(options: ResolvedOptions, database: string, end: AbortSignal): Promise<StagingStore> {
  end.throwIfAborted();
  const opening = open(options, database, end);
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

async function open(options: ResolvedOptions, database: string, end: AbortSignal): Promise<StagingStore> {
  const { staging, namespace, shards, rememberMs, cacheBytes, stageTimeoutMs, acceptVolatile } = options;
  switch (staging.kind) {
    case 'store':
      return staging.store;
    case 'factory':
      return staging.create({ namespace, shards, stageTimeoutMs, rememberMs, cacheBytes, database });
    case 'redis':
      return openRedisStaging({
        redis: staging.target,
        namespace,
        shards,
        database,
        rememberMs,
        cacheBytes: Math.floor(cacheBytes / shards),
        // A call is sent again, and then fenced, for stageTimeout each; the store must know it all that time and well beyond.
        seenMs: Math.max(DEFAULT_LIMITS.seenMs, 20 * stageTimeoutMs),
        acceptVolatile,
        // Silence is noticed within the time that staging may take; never so soon that a long script looks like silence.
        commandTimeoutMs: Math.min(2_000, Math.max(250, stageTimeoutMs)),
        end,
      });
  }
}
