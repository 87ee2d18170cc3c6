import pg from 'pg';

/** Makes a client as the pool does. */
type ClientMaker = new (config?: string | pg.ClientConfig) => pg.Client;

/**
 * The clients of a pool whose sockets are open, those included that are being connected, or are saying good-bye to a
 * server that may not answer. The pool itself forgets a client as soon as that begins to end.
 */
export class OpenClients {
  /** What the pool is to make its clients of. */
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

  /** Resolves when all that are open now are closed. */
  async gone(): Promise<void> {
    await Promise.all([...this.#open].map(async (client) => new Promise((resolve) => client.once('end', resolve))));
  }

  /** What is under way on them fails. */
  cutOff(): void {
    for (const client of this.#open) cutOff(client);
  }
}

/** Closes the socket and waits for nobody: a server that is stopped, or behind a dead line, would not answer. */
export function cutOff(client: pg.Client): void {
  // A client of libpq, which an application may have asked for, shows no socket.
  (client as { readonly connection?: pg.Connection }).connection?.stream.destroy();
}
