import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What goes wrong with one request. `answer`: the server gets it, and the client never hears; `request`: the server
 * never gets it.
 */
export type Loss = 'answer' | 'request';

/**
 * Stands between a client and a server (Redis, PostgreSQL) and cuts a connection exactly where it hurts. Everything
 * that it is not told to lose passes as it is.
 *
 * ```ts
 * await using proxy = await TcpProxy.before(db.url);
 * const lost = proxy.lose('answer', 'commit\0'); // of the next COMMIT; resolves when it is lost
 * ```
 */
export class TcpProxy implements AsyncDisposable {
  /** The server's URL with the proxy's address. */
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #wanted: { readonly loss: Loss; readonly text: string; readonly happened: () => void } | undefined;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.url = withPort(target, (server.address() as AddressInfo).port);
    server.on('connection', (client) => this.#carry(client, target));
  }

  static async before(url: string): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, new URL(url));
  }

  /**
   * Loses the answer to the next request that contains `text`, or the request itself, and the connection with it.
   * Resolves when that has happened.
   */
  lose(loss: Loss, text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = { loss, text, happened: resolve };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(client: Socket, target: URL): void {
    const server = connect(Number(target.port), target.hostname);
    const cut = (happened: () => void): void => {
      client.destroy();
      server.destroy();
      happened();
    };
    let afterAnswer: (() => void) | undefined;
    client.on('data', (bytes) => {
      const wanted = this.#wanted;
      if (!wanted || !bytes.includes(wanted.text)) return void server.write(bytes);
      this.#wanted = undefined;
      if (wanted.loss === 'request') return cut(wanted.happened);
      afterAnswer = wanted.happened;
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (afterAnswer) cut(afterAnswer);
      else client.write(bytes);
    });
    this.#tie(client, server);
    this.#tie(server, client);
  }

  /** What ends one side ends the other. */
  #tie(socket: Socket, peer: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => peer.destroy());
    socket.on('close', () => {
      peer.destroy();
      this.#sockets.delete(socket);
    });
  }
}

function withPort(target: URL, port: number): string {
  const own = new URL(target);
  own.hostname = '127.0.0.1';
  own.port = String(port);
  return own.href;
}
