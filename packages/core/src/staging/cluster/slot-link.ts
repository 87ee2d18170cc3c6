import type { RedisConnection } from '../redis/connection.js';
import { SCRIPTS, type Script } from '../redis/scripts.js';
import type { Argument, ServerLink } from '../redis/server-link.js';
import type { ServerKind } from '../redis/server-kind.js';
import type { RedisCluster } from './cluster.js';

/** Scripts that are told the run of their server, behind the epoch: it is that of the server that they go to. */
const TOLD_RUN: ReadonlySet<Script> = new Set([SCRIPTS.cacheLook, SCRIPTS.cacheFill]);

/** The way to the server that has a slot, whichever it is. */
export class SlotLink implements ServerLink {
  readonly #cluster: RedisCluster;
  readonly #slot: number;

  constructor(cluster: RedisCluster, slot: number) {
    this.#cluster = cluster;
    this.#slot = slot;
  }

  get server(): string {
    return this.#cluster.placeOf(this.#slot);
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown[]> {
    if (!TOLD_RUN.has(script))
      return this.#cluster.send(this.#slot, async (one, isAsking) => one.run(script, keys, args, isAsking));
    return this.#cluster.send(this.#slot, async (one, isAsking) =>
      one.run(script, keys, await withRun(args, one), isAsking),
    );
  }

  async command(name: string, args: readonly Argument[]): Promise<unknown> {
    return this.#cluster.send(this.#slot, async (one, isAsking) => one.command(name, args, isAsking));
  }

  async serverRun(): Promise<string | undefined> {
    return this.#cluster.send(this.#slot, async (one) => one.serverRun());
  }

  async serverKind(): Promise<ServerKind> {
    return this.#cluster.send(this.#slot, async (one) => one.serverKind());
  }

  /** The connections are shared with the links of other slots. */
  async close(): Promise<void> {
    await Promise.resolve();
  }
}

async function withRun([epoch = '', , ...rest]: readonly Argument[], to: RedisConnection): Promise<Argument[]> {
  return [epoch, (await to.serverRun()) ?? '', ...rest];
}
