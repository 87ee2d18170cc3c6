import { type RowKey, shardOf } from '../../change/row-key.js';
import type { RedisStaging } from '../redis/redis-staging.js';
import type { Node } from './node.js';
import type { Places } from './shard-map.js';

/** Asks each server for its own shards, and no other. */
export class Nodes {
  readonly map: Places;
  /** In the order of the map. */
  readonly all: readonly Node[];

  constructor(map: Places, all: readonly Node[]) {
    this.map = map;
    this.all = all;
  }

  of(shard: number): Node {
    return this.all[this.map.placeOf(shard)] as Node;
  }

  async ask<T>(shard: number, act: (store: RedisStaging) => Promise<T>): Promise<T> {
    return this.of(shard).ask(act);
  }

  /** All servers at once. */
  async everywhere<T>(act: (store: RedisStaging) => Promise<T>): Promise<readonly T[]> {
    return allOrFirstError(this.all.map(async (node) => node.ask(act)));
  }

  /** Those servers that have any of the items, each with its own. */
  async split<Item, T>(
    items: Iterable<Item>,
    shardOfItem: (item: Item) => number,
    act: (store: RedisStaging, items: readonly Item[]) => Promise<T>,
  ): Promise<readonly T[]> {
    const byNode = Map.groupBy(items, (item) => this.of(shardOfItem(item)));
    return allOrFirstError([...byNode].map(async ([node, own]) => node.ask(async (store) => act(store, own))));
  }

  async splitRows<T>(
    keys: Iterable<RowKey>,
    act: (store: RedisStaging, keys: readonly RowKey[]) => Promise<T>,
  ): Promise<readonly T[]> {
    return this.split(keys, (key) => this.shardOfRow(key), act);
  }

  shardOfRow(key: RowKey): number {
    return shardOf(key, this.map.shards);
  }
}

/** When it rejects, because one has failed, the others have ended too. */
async function allOrFirstError<T>(answers: readonly Promise<T>[]): Promise<readonly T[]> {
  const ended = await Promise.allSettled(answers);
  return ended.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
}

/** The entries of several maps in one. */
export function union<K, V>(maps: readonly ReadonlyMap<K, V>[]): ReadonlyMap<K, V> {
  return maps.length === 1 ? (maps[0] as ReadonlyMap<K, V>) : new Map(maps.flatMap((map) => [...map]));
}
