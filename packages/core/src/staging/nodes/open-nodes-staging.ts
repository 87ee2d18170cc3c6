import { DropListeners } from '../drop-listeners.js';
import { remembersCallsMs } from '../limits.js';
import { limitsOf, openRedisStaging, type RedisStagingOptions } from '../redis/open-redis-staging.js';
import type { RedisStaging } from '../redis/redis-staging.js';
import { epochOf, MapMark } from './map-mark.js';
import { isAway, Node } from './node.js';
import { Nodes } from './nodes.js';
import { NodesLetters } from './nodes-letters.js';
import { NodesStaging } from './nodes-staging.js';
import type { NodeChoice, NodesChoice } from './redis-nodes.js';
import { ShardMap, shardsText } from './shard-map.js';

export interface NodesStagingOptions extends Omit<RedisStagingOptions, 'redis' | 'epoch' | 'own' | 'lookFirst'> {
  readonly redis: NodesChoice;
  readonly namespace: string;
  readonly shards: number;
  /** For the process that moves the shards of this map, while every other one is refused. @defaultValue false */
  readonly isMoving?: boolean;
}

/**
 * Connects to several Redis servers, and checks that all of them have this map of shards. A server that is away is
 * opened, and checked, when it is back.
 *
 * @throws SpillwayError what `openRedisStaging` throws of one of them; `STAGING_UNAVAILABLE` only if all are away
 */
export async function openNodesStaging(options: NodesStagingOptions): Promise<NodesStaging> {
  const { redis, shards, end } = options;
  const names = redis.nodes.map(({ name }) => name);
  const map = new ShardMap(names, shards, redis.shares);
  const listeners = new DropListeners();
  const opening = new Opening(options, map);
  const byName = new Map(redis.nodes.map((choice) => [choice.name, choice]));
  const nodes = map.nodes.map((name) => {
    const choice = byName.get(name) as NodeChoice;
    return new Node(
      { shards: map.shardsOf(name), isCalled: `It is node "${name}" and has ${shardsText(map.shardsOf(name))}` },
      async (until) => opening.open(choice, until),
      (store) => store.deadLetters.onDropped((dropped) => listeners.tell(dropped)),
    );
  });
  const all = new Nodes(map, nodes);
  const staging = new NodesStaging(all, new NodesLetters(all, listeners), remembersCallsMs(limitsOf(options)));
  const give = (): void => void staging.close().catch(() => undefined);
  end?.addEventListener('abort', give, { once: true });
  try {
    await openAll(nodes);
    await opening.begin();
  } catch (error) {
    await staging.close();
    throw error;
  } finally {
    end?.removeEventListener('abort', give);
  }
  return staging;
}

async function openAll(nodes: readonly Node[]): Promise<void> {
  const opened = await Promise.allSettled(nodes.map(async (node) => node.open()));
  const isOneThere = opened.some(({ status }) => status === 'fulfilled');
  for (const each of opened) if (each.status === 'rejected' && !(isOneThere && isAway(each.reason))) throw each.reason;
}

/** Opens servers. None gets the map before those that are there have been compared: a wrong map leaves no trace. */
class Opening {
  readonly #options: NodesStagingOptions;
  readonly #map: ShardMap;
  #marks: MapMark[] | undefined = [];

  constructor(options: NodesStagingOptions, map: ShardMap) {
    this.#options = options;
    this.#map = map;
  }

  async open({ name, target }: NodeChoice, end: AbortSignal): Promise<RedisStaging> {
    const { namespace } = this.#options;
    let mark: MapMark | undefined;
    const store = await openRedisStaging({
      ...this.#options,
      redis: target,
      epoch: epochOf(this.#map),
      isMoving: this.#options.isMoving ?? false,
      own: this.#map.shardsOf(name),
      lookFirst: async (connection) => {
        mark = new MapMark(connection, namespace, name, this.#map);
        await mark.compare();
        if (!this.#marks) await mark.write();
      },
      end,
    });
    // Only now: a server that dies while it is opened has no connection by which its map could be written.
    if (mark) this.#marks?.push(mark);
    return store;
  }

  /** All servers that are there have been compared: from now on they have the map. */
  async begin(): Promise<void> {
    const marks = this.#marks ?? [];
    this.#marks = undefined;
    await Promise.all(marks.map(async (mark) => mark.write()));
  }
}
