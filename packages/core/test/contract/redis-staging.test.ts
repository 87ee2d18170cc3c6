import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { describe, expect, it } from 'vitest';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { stagingContract } from '../../src/testing/staging-contract.js';

stagingContract(
  'Redis',
  async (options) => openRedisStaging({ ...options, redis: sharedRedisUrl(), namespace: freshNamespace() }),
  { describe, it, expect },
);
