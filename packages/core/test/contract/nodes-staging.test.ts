import { freshNamespace } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stagingContract } from '../../src/testing/staging-contract.js';
import { TestNodes } from './test-nodes.js';

/** The groups of the suite are of shards 0 and 1, and a group is of one server. */
const SHARES = new Map([
  ['a', [0, 1]],
  ['b', [2, 3]],
]);

let nodes: TestNodes;
beforeAll(async () => {
  nodes = await TestNodes.start(2);
});
afterAll(async () => nodes[Symbol.asyncDispose]());

stagingContract(
  'two Redis servers',
  async (options) =>
    nodes.open({ ...options, redis: { nodes: nodes.choices, shares: SHARES }, namespace: freshNamespace() }),
  { describe, it, expect },
);
