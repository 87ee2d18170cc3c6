import { redis, type PrivateRedis } from '@spillway/test-support';
import { openNodesStaging, type NodesStagingOptions } from '../../src/staging/nodes/open-nodes-staging.js';
import type { NodesStaging } from '../../src/staging/nodes/nodes-staging.js';

/** Some Redis servers of a test's own, which are called "a", "b" and so on. */
export class TestNodes implements AsyncDisposable {
  readonly servers: readonly PrivateRedis[];

  private constructor(servers: readonly PrivateRedis[]) {
    this.servers = servers;
  }

  static async start(count: number, settings: Readonly<Record<string, string>> = {}): Promise<TestNodes> {
    return new TestNodes(await Promise.all(Array.from({ length: count }, async () => redis(settings))));
  }

  /** As the option `redis.nodes`, or as it is read. */
  get choices(): readonly { readonly name: string; readonly target: string }[] {
    return this.servers.map(({ url }, place) => ({ name: nodeName(place), target: url }));
  }

  async open(
    options: Omit<NodesStagingOptions, 'redis'> & Partial<Pick<NodesStagingOptions, 'redis'>>,
  ): Promise<NodesStaging> {
    return openNodesStaging({ redis: { nodes: this.choices }, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map(async (server) => server.stop()));
  }
}

function nodeName(place: number): string {
  return 'abcdefgh'.charAt(place);
}
