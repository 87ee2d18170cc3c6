import pg from 'pg';
import type { CallerQuery } from '../change-sink.js';
import { SinkDown } from '../sink-failure.js';
import type { Connections, OwnTransaction } from './connections.js';
import type { Home } from './home.js';
import type { TransactionLimits } from './ledger/hold-shards.js';
import type { ConnectionHooks, PostgresSinkOptions } from './options.js';
import { PgSession, type Session } from './session.js';

/** How much longer than the server's own time-out the client waits before it gives the connection up for dead. */
const GRACE_MS = 5_000;

/** Connections of Spillway's own. */
export class PoolConnections implements Connections {
  readonly areOne = false;
  readonly isInside = false;
  readonly #pool: pg.Pool;
  readonly #guard: Guard;
  #closed: Promise<void> | undefined;

  constructor(options: PoolOptions, limits: TransactionLimits) {
    this.#pool = openPool(options, limits);
    this.#guard = new Guard(options);
  }

  /** If something fails the connection is closed: who knows what it was. */
  async use<T>(act: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let isBroken = true;
    try {
      const answer = await act(new PgSession(client));
      isBroken = false;
      return answer;
    } finally {
      client.release(isBroken);
    }
  }

  async begin(): Promise<OwnTransaction> {
    return new PoolTransaction(await this.#connect());
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  async #connect(): Promise<pg.PoolClient> {
    const client = await this.#pool.connect();
    try {
      await this.#guard.admit(client);
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}

/**
 * What a connection goes through before Spillway uses it: the application's own hooks; and the first one the proof
 * that it leads where the application writes.
 */
class Guard {
  readonly #hooks: ConnectionHooks;
  readonly #home: Home | undefined;
  readonly #created = new WeakSet<pg.PoolClient>();
  #proof: Promise<void> | undefined;

  constructor({ hooks = {}, home }: Pick<PoolOptions, 'hooks' | 'home'>) {
    this.#hooks = hooks;
    this.#home = home;
  }

  async admit(client: pg.PoolClient): Promise<void> {
    const { onCreate, onReserve } = this.#hooks;
    const query: CallerQuery = async (text, values) => (await client.query<object>(text, [...values])).rows ?? [];
    if (!this.#created.has(client)) {
      await hooked('onCreateConnection', onCreate?.(query));
      this.#created.add(client);
    }
    await hooked('onReserveConnection', onReserve?.(query));
    this.#proof ??= this.#home?.prove(new PgSession(client)).catch((error: unknown) => {
      this.#proof = undefined;
      throw error;
    });
    await this.#proof;
  }
}

/** A hook is the application's own code: its failure is told as such. */
async function hooked(name: string, running: Promise<void> | undefined): Promise<void> {
  try {
    await running;
  } catch (error) {
    const { message, code } =
      error instanceof Error ? (error as Partial<pg.DatabaseError>) : { message: String(error) };
    throw new SinkDown(`${name} of the ORM has failed on a connection of Spillway's: ${message}`, code, {
      cause: error,
    });
  }
}

class PoolTransaction implements OwnTransaction {
  readonly session: Session;
  /** Read committed whatever the database's default. */
  readonly opening = 'begin isolation level read committed read write;';
  readonly #client: pg.PoolClient;
  #isCommitted = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    this.session = new PgSession(client);
  }

  async commit(): Promise<string> {
    const [result] = await this.session.script('commit');
    this.#isCommitted = true;
    return result?.command ?? 'nothing';
  }

  /** Closing a connection ends its transaction too. */
  async end(isBroken: boolean): Promise<void> {
    try {
      if (!isBroken && !this.#isCommitted) await this.session.script('rollback');
      this.#client.release(isBroken);
    } catch (error) {
      this.#client.release(error instanceof Error ? error : true);
    }
  }
}

export type PoolOptions = Pick<
  PostgresSinkOptions,
  'connection' | 'hooks' | 'home' | 'poolSize' | 'connectTimeoutMs' | 'onIdleError'
>;

/**
 * The sink's own pool. A server that vanished without a word is noticed by the client's own clock: keepalives take minutes, and what `pg` waits for by default is for ever. No
 * setting goes into the connection's start-up message, because PgBouncer refuses those it does not know.
 */
function openPool(options: PoolOptions, limits: TransactionLimits): pg.Pool {
  const pool = new pg.Pool({
    application_name: 'spillway',
    ...options.connection,
    // What these would change is what is answered, and when.
    ...({ binary: false, pipeline: false } satisfies Record<string, boolean>),
    max: options.poolSize,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    query_timeout: limits.statementTimeoutMs + GRACE_MS,
  });
  // A connection that dies while it is in use tells its user by the statement that fails; without a listener it would end the process as well.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) => options.onIdleError?.(error));
  return pool;
}
