import { cluster, freshNamespace, type TestCluster } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClusterStaging } from '../../src/staging/cluster/open-cluster-staging.js';
import { stagingContract } from '../../src/testing/staging-contract.js';

let servers: TestCluster;
beforeAll(async () => {
  servers = await cluster(3);
});
afterAll(async () => servers[Symbol.asyncDispose]());

stagingContract(
  'a Redis Cluster',
  async (options) => {
    const nodes = servers.servers.map(({ port }) => `127.0.0.1:${port}`);
    return openClusterStaging({ ...options, redis: { nodes, shared: {} }, namespace: freshNamespace() });
  },
  { describe, it, expect },
);
