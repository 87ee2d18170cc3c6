import { SpillwayError } from '../../errors.js';
import type { RedisConnection } from '../redis/connection.js';
import {
  DurableServer,
  type Durable,
  type DurableCall,
  type DurableReply,
  type DurableServerOptions,
} from '../redis/durability/durable-server.js';
import type { Tier } from '../../policy/durability.js';
import type { RedisCluster } from './cluster.js';

type Limits = Pick<DurableServerOptions, 'waitMs' | 'aloneMs' | 'warn'>;

/**
 * Scripts of a cluster that wait for a tier. They have connections of their own, one to each server, opened at the
 * first use. A script and its waits go to one server: after a redirect both are sent again, to the other one.
 */
export class DurableSlots {
  readonly #open: () => Promise<RedisCluster>;
  readonly #limits: Limits;
  readonly #servers = new WeakMap<RedisConnection, DurableServer>();
  #cluster: Promise<RedisCluster> | undefined;
  #isClosed = false;

  constructor(open: () => Promise<RedisCluster>, limits: Limits) {
    this.#open = open;
    this.#limits = limits;
  }

  /** The way to the server that has a slot, whichever it is. */
  at(slot: number): Durable {
    const send = async <T>(act: (server: DurableServer, isAsking: boolean) => Promise<T>): Promise<T> => {
      const cluster = await this.#opened();
      return cluster.send(slot, async (connection, isAsking) => act(this.#serverOf(connection), isAsking));
    };
    return {
      run: async (call: DurableCall): Promise<DurableReply> =>
        send(async (server, isAsking) => server.run({ ...call, isAsking })),
      assure: async (tier: Tier) => send(async (server) => server.assure(tier)),
      whyNot: async (tier: Tier) => send(async (server) => server.whyNot(tier)),
      // The connections are shared with the other slots.
      close: async () => Promise.resolve(),
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const cluster = await this.#cluster?.catch(() => undefined);
    await cluster?.close();
  }

  async #opened(): Promise<RedisCluster> {
    if (this.#isClosed) throw new SpillwayError('STOPPED', 'Spillway has been stopped; call orm.connect() to go on');
    this.#cluster ??= this.#open().catch((error: unknown) => {
      this.#cluster = undefined;
      throw error;
    });
    return this.#cluster;
  }

  #serverOf(connection: RedisConnection): DurableServer {
    let server = this.#servers.get(connection);
    if (server === undefined) {
      server = new DurableServer({ ...this.#limits, server: connection.server, connect: async () => connection });
      this.#servers.set(connection, server);
    }
    return server;
  }
}
