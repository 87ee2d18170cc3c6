import { SpillwayError, textOf } from '../../errors.js';
import type { RedisConnection } from '../redis/connection.js';

/** The shortest time between two attempts to open a server that could not be opened, milliseconds. */
const OPEN_AGAIN_MS = 500;

/** A server, by its address. */
class Server {
  connection: RedisConnection | undefined;
  opening: Promise<RedisConnection> | undefined;
  failure: Error | undefined;
  failedMs = Number.NEGATIVE_INFINITY;
  /** Calls on their way. */
  calls = 0;
}

/** The connections of a process to the servers of a cluster, one each. They are opened when they are needed. */
export class Servers {
  readonly #open: (address: string, end: AbortSignal) => Promise<RedisConnection>;
  readonly #end = new AbortController();
  readonly #servers = new Map<string, Server>();
  #isClosed = false;

  constructor(open: (address: string, end: AbortSignal) => Promise<RedisConnection>) {
    this.#open = open;
  }

  /** The addresses of servers that are connected, or were and will be again. */
  get addresses(): readonly string[] {
    return [...this.#servers].filter(([, { connection }]) => connection).map(([address]) => address);
  }

  /** Asks a server. If it is connected, `act` is called before this answers. */
  async ask<T>(address: string, act: (connection: RedisConnection) => Promise<T>): Promise<T> {
    const server = this.#of(address);
    server.calls += 1;
    try {
      return await act(server.connection ?? (await this.#opened(server, address)));
    } finally {
      server.calls -= 1;
    }
  }

  /** Ends the connections to all other servers, as soon as nothing is on its way there. */
  async keepOnly(addresses: ReadonlySet<string>): Promise<void> {
    const others = [...this.#servers].filter(
      ([address, { calls, opening }]) => !addresses.has(address) && calls === 0 && opening === undefined,
    );
    for (const [address] of others) this.#servers.delete(address);
    await Promise.all(others.map(async ([, { connection }]) => connection?.close()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end.abort();
    const servers = [...this.#servers.values()];
    await Promise.allSettled(servers.map(async ({ opening }) => opening));
    await Promise.all(servers.map(async ({ connection }) => connection?.close()));
  }

  #of(address: string): Server {
    let server = this.#servers.get(address);
    if (server === undefined) {
      server = new Server();
      this.#servers.set(address, server);
    }
    return server;
  }

  async #opened(server: Server, address: string): Promise<RedisConnection> {
    if (this.#isClosed) throw new SpillwayError('STOPPED', 'Spillway has been stopped; call orm.connect() to go on');
    if (server.opening === undefined && performance.now() - server.failedMs < OPEN_AGAIN_MS && server.failure)
      throw server.failure;
    server.opening ??= this.#openOnce(server, address).finally(() => {
      server.opening = undefined;
    });
    return server.opening;
  }

  async #openOnce(server: Server, address: string): Promise<RedisConnection> {
    try {
      const connection = await this.#open(address, this.#end.signal);
      server.connection = connection;
      return connection;
    } catch (error) {
      server.failure = error instanceof Error ? error : new Error(textOf(error));
      server.failedMs = performance.now();
      throw error;
    }
  }
}
