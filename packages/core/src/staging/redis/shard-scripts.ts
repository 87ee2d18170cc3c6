import { SpillwayError } from '../../errors.js';
import type { Argument, RedisConnection } from './connection.js';
import { type KeyName, type ShardKeys, shardKeys } from './keys.js';
import { text, type Reply } from './replies.js';
import { SCRIPTS } from './scripts.js';

/** Runs scripts on shards: their keys, and the epoch under which they may be touched. */
export class ShardScripts {
  readonly shards: number;
  readonly #connection: RedisConnection;
  readonly #epoch: string;
  readonly #keys: readonly ShardKeys[];

  constructor(connection: RedisConnection, namespace: string, shards: number, epoch: string) {
    this.shards = shards;
    this.#connection = connection;
    this.#epoch = `${epoch}/${shards}`;
    this.#keys = Array.from({ length: shards }, (_, shard) => shardKeys(namespace, shard));
  }

  async run(name: keyof typeof SCRIPTS, shard: number, ...args: readonly Argument[]): Promise<Reply> {
    const script = SCRIPTS[name];
    return this.#checked(await this.#connection.run(script, this.#named(shard, script.keys), [this.#epoch, ...args]));
  }

  /** One call for all shards: only where they are on one server. */
  async runOnAll(name: 'dueNext'): Promise<Reply> {
    const script = SCRIPTS[name];
    const keys = this.#keys.flatMap((_, shard) => this.#named(shard, script.keys));
    return this.#checked(await this.#connection.run(script, keys, [this.#epoch]));
  }

  async everyShard<T>(act: (shard: number) => Promise<T>): Promise<readonly T[]> {
    return Promise.all(this.#keys.map(async (_, shard) => act(shard)));
  }

  async command(name: string, shard: number, key: KeyName, ...args: readonly Argument[]): Promise<unknown> {
    return this.#connection.command(name, this.#of(shard)[key], ...args);
  }

  #named(shard: number, names: readonly KeyName[]): readonly string[] {
    const keys = this.#of(shard);
    return names.map((name) => keys[name]);
  }

  #of(shard: number): ShardKeys {
    const keys = this.#keys[shard];
    if (keys === undefined)
      throw new RangeError(`There is no shard ${shard}: shards are numbered from 0 to ${this.shards - 1}`);
    return keys;
  }

  #checked(reply: Reply): Reply {
    if (text(reply[0]) !== 'epoch') return reply;
    throw new SpillwayError(
      'SHARD_MAP_MISMATCH',
      `The staged changes in Redis at ${this.#connection.server} are spread by the shard map ${text(reply[1])} (epoch/shards), but this process uses ${this.#epoch}; ` +
        'nothing was done. Give all processes the same "shards", or drain and reshard first',
    );
  }
}
