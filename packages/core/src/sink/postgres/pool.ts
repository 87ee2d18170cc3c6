import pg from 'pg';
import type { Connections, OwnTransaction } from './connections.js';
import { connectFailureOf } from './fault.js';
import { Admission } from './admission.js';
import type { TransactionLimits } from './ledger/lock-shards.js';
import { cutOff, OpenClients } from './open-clients.js';
import type { PostgresSinkOptions } from './options.js';
import { PgSession, type Session } from './session.js';

/** How much longer than the server's own time-out the client waits before it treats the connection as dead. */
const GRACE_MS = 5_000;

/** Connections of Spillway's own. */
export class PoolConnections implements Connections {
  readonly hasOneConnection = false;
  readonly isInside = false;
  readonly #clients: OpenClients;
  readonly #pool: pg.Pool;
  readonly #admission: Admission;
  #closed: Promise<void> | undefined;

  constructor(options: PoolOptions, limits: TransactionLimits) {
    this.#clients = new OpenClients(options.connection.Client as ConstructorParameters<typeof OpenClients>[0]);
    this.#pool = openPool(options, limits, this.#clients.Client);
    this.#admission = new Admission(options);
  }

  /** After a failure the connection is closed, because its state is unknown. */
  async use<T>(act: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let isBroken = true;
    try {
      const answer = await act(new PgSession(client));
      isBroken = false;
      return answer;
    } finally {
      giveBack(client, isBroken);
    }
  }

  async begin(): Promise<OwnTransaction> {
    return new PoolTransaction(await this.#connect());
  }

  /** A connection that the `Admission` has admitted. */
  async #connect(): Promise<pg.PoolClient> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      await this.#admission.admit(client);
      return client;
    } catch (error) {
      if (client) giveBack(client, true);
      throw connectFailureOf(error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end().then(async () => this.#clients.gone());
    return this.#closed;
  }

  cutOff(): void {
    this.close().catch(() => undefined);
    this.#clients.cutOff();
  }
}

/** A broken connection is cut off without a good-bye, which its server might not answer. */
function giveBack(client: pg.PoolClient, isBroken: boolean): void {
  client.release(isBroken);
  if (isBroken) cutOff(client);
}

class PoolTransaction implements OwnTransaction {
  readonly session: Session;
  /** Read committed, whatever the database's default is. */
  readonly opening = 'begin isolation level read committed read write;';
  readonly #client: pg.PoolClient;
  #isCommitted = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    this.session = new PgSession(client);
  }

  async commit(last = ''): Promise<string> {
    const results = await this.session.script(`${last};commit`);
    this.#isCommitted = true;
    return results.at(-1)?.command ?? 'nothing';
  }

  /** Closing a connection ends its transaction too. */
  async end(isBroken: boolean): Promise<void> {
    try {
      if (!isBroken && !this.#isCommitted) await this.session.script('rollback');
      giveBack(this.#client, isBroken);
    } catch {
      giveBack(this.#client, true);
    }
  }
}

export type PoolOptions = Pick<
  PostgresSinkOptions,
  'connection' | 'hooks' | 'home' | 'poolSize' | 'connectTimeoutMs' | 'onIdleError'
>;

/**
 * The sink's own pool. The client's own clock detects a server that vanished: keepalives take minutes, and `pg` by
 * default waits for ever. No setting goes into the connection's start-up message, because PgBouncer refuses unknown
 * ones.
 */
function openPool(options: PoolOptions, limits: TransactionLimits, Client: OpenClients['Client']): pg.Pool {
  const pool = new pg.Pool({
    application_name: 'spillway',
    ...options.connection,
    Client,
    // These options would change the form of answers, and their order.
    ...({ binary: false, pipeline: false } satisfies Record<string, boolean>),
    max: options.poolSize,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    query_timeout: limits.statementTimeoutMs + GRACE_MS,
  });
  // If a connection dies while in use, its user learns this from the failed statement. Without a listener the error
  // would also end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) => options.onIdleError?.(error));
  return pool;
}
