import { Redis, type RedisOptions } from 'ioredis';
import { SpillwayError } from '../../errors.js';
import { beforeDeadline, DeadlinePassed } from '../deadline.js';
import { asOpenError, asStagingError } from './redis-errors.js';
import type { Script } from './scripts.js';

/** Where Redis is: a URL, options of ioredis, or a client, which is duplicated and neither changed nor closed. */
export type RedisTarget = string | RedisOptions | Redis;

export type Argument = string | number | Buffer;

/**
 * The one connection to one server. No command ever runs behind the caller's back: nothing is queued while the server is away, nothing is sent again by the driver, and a
 * command without an answer takes its connection with it.
 */
export class RedisConnection {
  /** `host:port`, or the path of a socket; for messages. */
  readonly server: string;
  readonly #client: Redis;
  readonly #commandTimeoutMs: number;
  #lastError: Error | undefined;
  #run: Promise<string | undefined> | undefined;

  private constructor(client: Redis, commandTimeoutMs: number, end: AbortSignal | undefined) {
    this.#client = client;
    this.#commandTimeoutMs = commandTimeoutMs;
    const { host, port, path } = client.options;
    this.server = path ?? `${host ?? 'localhost'}:${port ?? 6379}`;
    client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    client.on('close', () => {
      this.#run = undefined;
    });
    end?.addEventListener('abort', () => this.#client.disconnect(), { once: true });
  }

  /** @param end aborted: nobody waits for it any more; it is closed, in the middle of whatever it is doing */
  static async open(target: RedisTarget, commandTimeoutMs: number, end?: AbortSignal): Promise<RedisConnection> {
    const connection = new RedisConnection(createClient(target, ownOptions(commandTimeoutMs)), commandTimeoutMs, end);
    try {
      await connection.#client.connect();
    } catch (error) {
      connection.#client.disconnect();
      throw asOpenError(connection.#lastError ?? (error as Error), connection.server);
    }
    return connection;
  }

  /** Runs a script by its digest, and sends the script itself where the server does not have it (any more). */
  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown[]> {
    try {
      return (await this.#send('EVALSHA', script.sha, keys.length, ...keys, ...args)) as unknown[];
    } catch (error) {
      if (!isUnknownScript(error)) throw this.#failed(error);
    }
    try {
      return (await this.#send('EVAL', script.source, keys.length, ...keys, ...args)) as unknown[];
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** A plain command, for what needs no script. Answers buffers. */
  async command(name: string, ...args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#send(name, ...args);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async #send(name: string, ...args: readonly Argument[]): Promise<unknown> {
    return beforeDeadline(this.#client.callBuffer(name, ...args), this.#commandTimeoutMs);
  }

  /**
   * What tells this run of the server from every other: a server that was restarted, or has taken another's place, may have an older state. `undefined` where it does not say. Asked once
   * per connection, since no server outlives its runs' connections.
   */
  async serverRun(): Promise<string | undefined> {
    this.#run ??= this.#askRun();
    return this.#run;
  }

  async #askRun(): Promise<string | undefined> {
    try {
      const info = String(await this.command('INFO', 'server'));
      return /^run_id:(\w+)/mu.exec(info)?.[1];
    } catch (error) {
      if (error instanceof SpillwayError && error.code === 'CONFIG_INVALID') return undefined;
      this.#run = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const { status } = this.#client;
    if (status === 'end') return;
    const ended = new Promise<void>((resolve) => {
      this.#client.once('end', () => resolve());
    });
    this.#client.disconnect();
    // Between two attempts to connect there is nothing whose end ioredis would tell.
    if (status !== 'reconnecting') await ended;
  }

  /** A command that timed out would otherwise be answered, or still run, on a connection that others go on using. */
  #failed(error: unknown): Error {
    if (error instanceof DeadlinePassed) this.#client.stream.destroy();
    return asStagingError(error, this.server);
  }
}

type OwnOptions = RedisOptions & { replyMapping: 'legacy' };

function createClient(target: RedisTarget, own: OwnOptions): Redis {
  if (typeof target === 'string') return new Redis(target, own);
  return target instanceof Redis ? target.duplicate(own) : new Redis({ ...target, ...own });
}

/** What has to be so, whatever the options given say. The namespace is the only prefix of keys. */
function ownOptions(commandTimeoutMs: number): OwnOptions {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableReadyCheck: true,
    enableAutoPipelining: false,
    keyPrefix: '',
    protocol: 2,
    replyMapping: 'legacy',
    connectTimeout: commandTimeoutMs,
    // A server that is frozen does not close its side. ioredis would wait two seconds for it.
    disconnectTimeout: GOODBYE_MS,
    retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 10), LONGEST_BACK_OFF_MS),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

const LONGEST_BACK_OFF_MS = 2_000;
const GOODBYE_MS = 50;

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
