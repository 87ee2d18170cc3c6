export type { FlushStep, FlushSteps } from '../flush/flush-shards.js';
export type { HoldStep, HoldSteps } from '../runtime/surroundings.js';
export { memoryStaging, type MemoryStagingOptions } from '../staging/memory/memory-staging.js';
export { openRedisStaging, type RedisStagingOptions } from '../staging/redis/open-redis-staging.js';
export type { MakeStore } from './contract/bench.js';
export { spillwayWithSteps } from './spillway-with-steps.js';
export { stagingContract } from './staging-contract.js';
export type { Expectation, TestFunctions } from './test-functions.js';
