import { Bench, type ContractContext, type MakeStore } from './contract/bench.js';
import { cacheContract } from './contract/cache-contract.js';
import { callContract } from './contract/call-contract.js';
import { chainContract } from './contract/chain-contract.js';
import { copiesContract } from './contract/copies-contract.js';
import { deadLetterContract } from './contract/dead-letter-contract.js';
import { drainContract } from './contract/drain-contract.js';
import { extendContract } from './contract/extend-contract.js';
import { groupContract } from './contract/group-contract.js';
import { holdContract } from './contract/hold-contract.js';
import { letterLimitsContract } from './contract/letter-limits-contract.js';
import { emptyContract } from './contract/empty-contract.js';
import { flushContract } from './contract/flush-contract.js';
import { missingContract } from './contract/missing-contract.js';
import { policyContract } from './contract/policy-contract.js';
import { settledContract } from './contract/settled-contract.js';
import { shardsContract } from './contract/shards-contract.js';
import { stageContract } from './contract/stage-contract.js';
import { versionContract } from './contract/version-contract.js';
import type { TestFunctions } from './test-functions.js';

/**
 * The promises of every staging store, as tests. An adapter that passes them can carry the engine.
 *
 * @example
 * import { describe, expect, it } from 'vitest';
 * stagingContract('memory', async options => memoryStaging(options), { describe, it, expect });
 */
export function stagingContract(name: string, makeStore: MakeStore, test: TestFunctions): void {
  const onBench: ContractContext['onBench'] = (body, limits) => async () => {
    const store = await makeStore({ ...limits, shards: Bench.shards });
    try {
      await store.adopt(0, 'T0');
      await body(new Bench(store));
    } finally {
      await store.close();
    }
  };
  const context: ContractContext = { ...test, onBench };
  test.describe(`staging store: ${name}`, () => {
    stageContract(context);
    callContract(context);
    groupContract(context);
    missingContract(context);
    versionContract(context);
    flushContract(context);
    extendContract(context);
    holdContract(context);
    chainContract(context);
    drainContract(context);
    shardsContract(context);
    deadLetterContract(context);
    letterLimitsContract(context);
    cacheContract(context);
    copiesContract(context);
    settledContract(context);
    emptyContract(context);
    policyContract(context);
  });
}
