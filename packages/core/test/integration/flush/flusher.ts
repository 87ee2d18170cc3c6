import { flushCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import { flushShards } from '../../../src/flush/flush-shards.js';
import { monotonicScheduler } from '../../../src/flush/monotonic-scheduler.js';
import { openRedisStaging } from '../../../src/staging/redis/open-redis-staging.js';
import { openProductSink, SHARDS } from './product-sink.js';

/** A process that flushes shard 1 and stands still after a step, to be killed there. It says so by one line. */
const { values } = parseArgs({
  options: {
    redis: { type: 'string' },
    namespace: { type: 'string' },
    database: { type: 'string' },
    step: { type: 'string' },
  },
});
const { redis = '', namespace = '', database = '' } = values;

await flushShards([1], 100, {
  staging: await openRedisStaging({ redis, namespace, shards: SHARDS, acceptVolatile: true }),
  sink: openProductSink(database, 'flusher'),
  scheduler: monotonicScheduler,
  claimTimeoutMs: 5_000,
  onStagingLoss: 'park',
  steps: async (step) => {
    if (step === values.step) {
      // A process that is killed keeps nothing by itself.
      flushCompileCache();
      process.stdout.write(`${step}\n`);
      await new Promise(() => {});
    }
  },
});
