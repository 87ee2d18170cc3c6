import { DropListeners } from '../drop-listeners.js';
import { remembersCallsMs } from '../limits.js';
import { isAway, Node } from '../nodes/node.js';
import { Nodes } from '../nodes/nodes.js';
import { NodesLetters } from '../nodes/nodes-letters.js';
import { NodesStaging } from '../nodes/nodes-staging.js';
import type { Places } from '../nodes/shard-map.js';
import { checkAnswers } from '../redis/answer-check.js';
import { shardKeys, type ShardKeys } from '../redis/keys.js';
import { DurableScripts } from '../redis/durability/durable-scripts.js';
import { MAP_OF_CLUSTER, moving } from '../redis/epoch.js';
import { limitsOf, durabilityOf, type RedisStagingOptions } from '../redis/open-redis-staging.js';
import { RedisStaging } from '../redis/redis-staging.js';
import { checkRights } from '../redis/right-check.js';
import { checkKeeping, type Keeping } from '../redis/server-checks.js';
import { type ScriptRunner, ShardScripts } from '../redis/shard-scripts.js';
import { ClusterMark } from './cluster-mark.js';
import { RedisCluster } from './cluster.js';
import { DurableSlots } from './durable-slots.js';
import { slotOfShard, tagOfShard } from './hash-slot.js';
import type { ClusterChoice } from './redis-cluster.js';
import { SlotLink } from './slot-link.js';

export interface ClusterStagingOptions extends Omit<RedisStagingOptions, 'redis' | 'epoch' | 'own' | 'lookFirst'> {
  readonly redis: ClusterChoice;
  readonly namespace: string;
  readonly shards: number;
}

/**
 * Connects to a Redis Cluster, and checks its servers once. Each shard has a slot of its own, so no call is about two
 * shards. A shard whose server is away is opened, and checked, when it is back.
 *
 * @throws SpillwayError what `openRedisStaging` throws of one of them; `STAGING_UNAVAILABLE` only if all are away
 */
export async function openClusterStaging(options: ClusterStagingOptions): Promise<NodesStaging> {
  const { redis, shards, commandTimeoutMs = 2_000, onAnotherServer, end } = options;
  const cluster = await RedisCluster.open(
    redis,
    { commandTimeoutMs, ...(onAnotherServer && { onAnotherServer }) },
    end,
  );
  const durable = new DurableSlots(
    async () => RedisCluster.open(redis, { commandTimeoutMs }, end),
    durabilityOf(options),
  );
  const opening = new Opening(options, cluster, durable);
  const listeners = new DropListeners();
  const nodes = Array.from(
    { length: shards },
    (_, shard) =>
      new Node(
        { shards: [shard] },
        async () => opening.open(shard),
        (store) => store.deadLetters.onDropped((dropped) => listeners.tell(dropped)),
      ),
  );
  const all = new Nodes(new EachItsOwn(shards), nodes);
  const letters = new NodesLetters(all, listeners);
  const staging = new NodesStaging(all, letters, remembersCallsMs(limitsOf(options)), async () => {
    await Promise.all([cluster.close(), durable.close()]);
  });
  try {
    await openAll(nodes);
  } catch (error) {
    await staging.close();
    throw error;
  }
  return staging;
}

async function openAll(nodes: readonly Node[]): Promise<void> {
  const opened = await Promise.allSettled(nodes.map(async (node) => node.open()));
  const isOneThere = opened.some(({ status }) => status === 'fulfilled');
  for (const each of opened) if (each.status === 'rejected' && !(isOneThere && isAway(each.reason))) throw each.reason;
}

/** Each shard is a place of its own. */
class EachItsOwn implements Places {
  readonly shards: number;

  constructor(shards: number) {
    this.shards = shards;
  }

  placeOf(shard: number): number {
    if (Number.isInteger(shard) && shard >= 0 && shard < this.shards) return shard;
    throw new RangeError(`There is no shard ${shard}: shards are numbered from 0 to ${this.shards - 1}`);
  }
}

/** Opens shards. Each server is checked by the first of its shards, and the mark is compared before all of them. */
class Opening {
  readonly #options: ClusterStagingOptions;
  readonly #cluster: RedisCluster;
  readonly #durable: DurableSlots;
  readonly #mark: ClusterMark;
  readonly #checks = new Map<string, Promise<Keeping>>();

  constructor(options: ClusterStagingOptions, cluster: RedisCluster, durable: DurableSlots) {
    this.#options = options;
    this.#cluster = cluster;
    this.#durable = durable;
    this.#mark = new ClusterMark(cluster, options.namespace, options.shards);
  }

  async open(shard: number): Promise<RedisStaging> {
    const { namespace, shards, database, isMoving = false } = this.#options;
    const map = { epoch: MAP_OF_CLUSTER, shards, database };
    const link = new SlotLink(this.#cluster, slotOfShard(shard, shards));
    const tag = tagOfShard(namespace, shard, shards);
    const keeping = await this.#checked(link, shardKeys(namespace, shard, tag));
    await this.#mark.check();
    const scriptsOn = (runner: ScriptRunner): ShardScripts =>
      new ShardScripts(runner, namespace, shards, {
        ...(isMoving ? moving(map) : map),
        own: [shard],
        tagOf: (each) => tagOfShard(namespace, each, shards),
      });
    const scripts = scriptsOn(link);
    await scripts.run('stats', shard);
    const limits = limitsOf(this.#options);
    const durable = new DurableScripts({
      ...durabilityOf(this.#options),
      connection: link,
      scriptsOn,
      limits,
      durable: this.#durable.at(slotOfShard(shard, shards)),
    });
    return new RedisStaging(link, scripts, limits, keeping, durable);
  }

  /** Once for each server; again, if a check has failed. */
  async #checked(link: SlotLink, keys: ShardKeys): Promise<Keeping> {
    const { server } = link;
    const checks = this.#checks.get(server) ?? this.#check(link, keys);
    this.#checks.set(server, checks);
    checks.catch(() => this.#checks.delete(server));
    return checks;
  }

  async #check(link: SlotLink, keys: ShardKeys): Promise<Keeping> {
    await checkAnswers(link);
    await checkRights(link, keys);
    return checkKeeping(link, this.#options.acceptVolatile ?? false);
  }
}
