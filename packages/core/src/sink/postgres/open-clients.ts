import pg from 'pg';

/** Makes a client as the pool does. */
type ClientMaker = new (config?: string | pg.ClientConfig) => pg.Client;

/**
 * The clients of a pool whose sockets are open. This includes clients that are connecting, or saying good-bye to a
 * server that may not answer. The pool itself forgets a client as soon as it begins to end.
 */
export class OpenClients {
  /** The class of which the pool makes its clients. */
  readonly Client: ClientMaker;
  readonly #open = new Set<pg.Client>();

  constructor(Client: ClientMaker = pg.Client) {
    const open = this.#open;
    this.Client = class extends Client {
      constructor(config?: string | pg.ClientConfig) {
        super(config);
        open.add(this);
        this.once('end', () => open.delete(this));
      }
    };
  }

  /** Resolves when all clients that are open now are closed. */
  async gone(): Promise<void> {
    await Promise.all([...this.#open].map(async (client) => new Promise((resolve) => client.once('end', resolve))));
  }

  /** Closes their sockets: running statements fail. */
  cutOff(): void {
    for (const client of this.#open) cutOff(client);
  }
}

/**
 * Closes the socket without waiting for an answer: a server that is stopped, or behind a dead line, would not answer.
 */
export function cutOff(client: pg.Client): void {
  // A client of libpq, which an application may ask for, shows no socket.
  (client as { readonly connection?: pg.Connection }).connection?.stream.destroy();
}
