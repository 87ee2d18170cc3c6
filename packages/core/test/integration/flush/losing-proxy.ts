import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Stands between a client and PostgreSQL, and can lose the answer to a COMMIT: the server has it, the client never
 * hears.
 */
export class LosingProxy implements AsyncDisposable {
  readonly url: string;
  /** The next COMMIT is passed on; instead of its answer the client gets the end of its connection. */
  loseNextCommit = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: URL) {
    this.#server = server;
    const own = new URL(target);
    own.hostname = '127.0.0.1';
    own.port = String((server.address() as AddressInfo).port);
    this.url = own.href;
    server.on('connection', (client) => this.#carry(client, target));
  }

  static async before(url: string): Promise<LosingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LosingProxy(server, new URL(url));
  }

  #carry(client: Socket, target: URL): void {
    const server = connect(Number(target.port), target.hostname);
    let isLosing = false;
    client.on('data', (bytes) => {
      isLosing ||= this.loseNextCommit && bytes.includes('commit\0');
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (isLosing) {
        this.loseNextCommit = false;
        client.destroy();
        server.destroy();
      } else {
        client.write(bytes);
      }
    });
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

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }
}
