export { memoryStaging, type MemoryStagingOptions } from '../staging/memory/memory-staging.js';
export type { MakeStore } from './contract/bench.js';
export { stagingContract } from './staging-contract.js';
export type { Expectation, TestFunctions } from './test-functions.js';
