import { describe, expect, it } from 'vitest';
import { memoryStaging } from '../../src/staging/memory/memory-staging.js';
import { stagingContract } from '../../src/testing/staging-contract.js';

stagingContract('memory', async (options) => memoryStaging(options), { describe, it, expect });
