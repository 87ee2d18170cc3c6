import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Stands before a Redis server, and is gone after some requests of all its clients together: what a process that is
 * killed there has sent has arrived, and nothing else.
 */
export class CutProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #count: RequestCount;
  readonly url: string;

  private constructor(server: Server, target: URL, count: RequestCount) {
    this.#server = server;
    this.#count = count;
    this.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
    count.onCut(() => this.#cut());
    server.on('connection', (client) => this.#carry(client, target));
  }

  static async before(url: string, count: RequestCount): Promise<CutProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CutProxy(server, new URL(url), count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cut();
    if (this.#server.listening) this.#server.close();
  }

  /** From now on each connection ends at once. */
  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(client: Socket, target: URL): void {
    if (this.#count.isCut) return void client.destroy();
    const server = connect(Number(target.port), target.hostname);
    client.on('data', (bytes) => this.#count.take() && server.write(bytes));
    server.on('data', (bytes) => client.write(bytes));
    for (const [socket, peer] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => peer.destroy());
      socket.on('close', () => {
        peer.destroy();
        this.#sockets.delete(socket);
      });
    }
  }
}

/** The requests that pass before all proxies are gone. */
export class RequestCount {
  taken = 0;
  #most: number;
  readonly #listeners: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get isCut(): boolean {
    return this.taken > this.#most;
  }

  onCut(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** So many requests pass from the beginning, and no more. */
  cutAfter(most: number): void {
    this.#most = most;
  }

  /** Everything passes again. */
  mend(): void {
    this.#most = Number.POSITIVE_INFINITY;
  }

  /** Nothing passes any more. */
  cut(): void {
    this.#most = -1;
    for (const listener of this.#listeners) listener();
  }

  /** False from the first request on that does not pass. */
  take(): boolean {
    this.taken += 1;
    if (this.isCut) for (const listener of this.#listeners) listener();
    return !this.isCut;
  }
}
