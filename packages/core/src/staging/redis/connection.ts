import { Redis, type RedisOptions } from 'ioredis';
import type { RowKey } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import { afterDeadline, beforeDeadline, DeadlinePassed } from '../deadline.js';
import { ConnectionTrouble, isSelectRefusal } from './connection-trouble.js';
import { backOff, ownOptions, type OwnOptions } from './ioredis-options.js';
import { asOpenError, asStagingError, isReply, notConnected, stopped } from './redis-errors.js';
import { isClient, readTarget, type RedisClient, type RedisTarget } from './redis-target.js';
import { optionsOfUrl } from './redis-url.js';
import type { Script } from './scripts.js';
import { calmSentinelListeners } from './sentinel-listeners.js';
import { type ServerKind, serverKindOf } from './server-kind.js';
import type { Argument, ServerLink } from './server-link.js';
import { serverName } from './server-name.js';

export type { Argument } from './server-link.js';

/** The answer of a script: a word, then its parts. */
export type Reply = readonly unknown[];

export function text(part: unknown): string {
  return String(part);
}

export function rowKey(part: unknown): RowKey {
  return text(part) as RowKey;
}

const TARGET = 'redis';

/** What a server says of itself. */
interface ToldServer {
  readonly run: string | undefined;
  readonly kind: ServerKind;
}

/**
 * The one connection to one server. No command runs behind the caller's back: the driver queues no command while the
 * server is away, sends no command again, and a command without an answer ends its connection.
 */
export class RedisConnection implements ServerLink {
  /** `host:port`, the path of a socket, or the master and its sentinels; for messages. */
  readonly server: string;
  readonly #client: RedisClient & { readonly stream?: { destroy(): void } };
  readonly #trouble: ConnectionTrouble;
  readonly #commandTimeoutMs: number;
  readonly #oldest: OldestCall;
  /** The connection was ended because a call had no answer in time. */
  #silence: DeadlinePassed | undefined;
  #onAnotherServer: (server: string) => void = () => undefined;
  #lastRun: string | undefined;
  #hasBeenOpen = false;
  #isClosed = false;
  #told: Promise<ToldServer> | undefined;
  #openings = 0;
  #callOff = (): void => undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  /** How often ioredis has given the client up since it was connected. */
  #ends = 0;

  private constructor(target: RedisTarget, commandTimeoutMs: number) {
    this.#commandTimeoutMs = commandTimeoutMs;
    this.#oldest = new OldestCall(commandTimeoutMs, () => this.#endSilent());
    this.#client = createClient(target, ownOptions({ commandTimeoutMs, hasBeenOpen: () => this.#hasBeenOpen }));
    this.server = serverName(this.#client.options);
    this.#trouble = new ConnectionTrouble(this.#client);
    calmSentinelListeners(this.#client);
    this.#watch();
  }

  /**
   * @param onAnotherServer called when another run of the server answers than before. Changes that the earlier run had
   * not written to disk, or that a replica had not received, are lost
   * @param end aborted: the connection is closed at once, even in the middle of its opening
   * @throws SpillwayError `CONFIG_INVALID`, `STAGING_UNAVAILABLE`
   */
  static async open(
    target: RedisTarget,
    commandTimeoutMs: number,
    onAnotherServer: (server: string) => void = () => undefined,
    end?: AbortSignal,
  ): Promise<RedisConnection> {
    const connection = new RedisConnection(readTarget(target, TARGET), commandTimeoutMs);
    connection.#onAnotherServer = onAnotherServer;
    end?.addEventListener('abort', () => void connection.close(), { once: true });
    try {
      await connection.#open();
    } catch (error) {
      await connection.close();
      const { tls } = connection.#client.options as RedisOptions;
      throw asOpenError(connection.#trouble.cause ?? (error as Error), connection.server, tls !== undefined);
    }
    return connection;
  }

  /**
   * ioredis limits the time of each sentinel, the connection and its handshake. The sum limits steps that ioredis does
   * not watch, such as a `Connector` of the application.
   */
  async #open(): Promise<void> {
    const { sentinels } = this.#client.options as RedisOptions;
    const steps = 2 + (sentinels?.length ?? 0);
    await beforeDeadline(this.#client.connect(), steps * this.#commandTimeoutMs);
    this.#hasBeenOpen = true;
  }

  /**
   * Runs a script by its digest. Sends the script itself if the server does not have it (any more).
   * @param isAsking the server of a cluster is just receiving the keys
   */
  async run(script: Script, keys: readonly string[], args: readonly Argument[], isAsking = false): Promise<unknown[]> {
    try {
      return (await this.#send('EVALSHA', [script.sha, keys.length, ...keys, ...args], isAsking)) as unknown[];
    } catch (error) {
      if (!isUnknownScript(error)) throw this.#failed(error);
    }
    try {
      return (await this.#send('EVAL', [script.source, keys.length, ...keys, ...args], isAsking)) as unknown[];
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /**
   * Runs a script, and behind it commands that wait for what it has written. All of them leave in one turn on one
   * connection: a server that has not run the script does not answer for it.
   *
   * @param opening the connection that was looked at, as `openings` told it: nothing is sent on a later one
   * @throws as `run`. A script whose waits are not answered may have run
   */
  async runAndWait(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    waits: readonly (readonly [string, ...Argument[]])[],
    { opening, isAsking }: { readonly opening: number; readonly isAsking: boolean },
  ): Promise<{ readonly reply: unknown[]; readonly waited: readonly unknown[] }> {
    const send = async (name: string, first: string): Promise<{ reply: unknown[]; waited: readonly unknown[] }> => {
      if (opening !== this.#openings) throw notConnected(this.server, this.#trouble.cause);
      const sent = [this.#send(name, [first, keys.length, ...keys, ...args], isAsking)];
      for (const [command, ...given] of waits) sent.push(this.#send(command, given, false));
      const [ran, ...answers] = await Promise.allSettled(sent);
      if (ran?.status !== 'fulfilled') throw ran?.reason as Error;
      const waited = answers.map((each) => {
        if (each.status === 'fulfilled') return each.value;
        // A server that stops being the primary ends all waits. The script may be lost with it.
        throw isReply(each.reason) ? new Error(each.reason.message) : each.reason;
      });
      return { reply: ran.value as unknown[], waited };
    };
    try {
      return await send('EVALSHA', script.sha);
    } catch (error) {
      if (!isUnknownScript(error)) throw this.#failed(error);
    }
    try {
      return await send('EVAL', script.source);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** How often this has been connected: what was asked of a server holds until the next time. */
  get openings(): number {
    return this.#openings;
  }

  /** A plain command, without a script. Answers buffers. */
  async command(name: string, args: readonly Argument[], isAsking = false): Promise<unknown> {
    try {
      return await this.#send(name, args, isAsking);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async #send(name: string, args: readonly Argument[], isAsking: boolean): Promise<unknown> {
    if (this.#isClosed) throw stopped(this.server, 'before');
    if (this.#client.status !== 'ready') throw notConnected(this.server, this.#trouble.cause);
    // Both are written in this turn, so nothing comes between them. If ASKING fails, the command itself says more.
    if (isAsking) this.#call('ASKING', []).catch(() => undefined);
    return this.#call(name, args);
  }

  async #call(name: string, args: readonly Argument[]): Promise<unknown> {
    this.#oldest.sent();
    try {
      // As one list, which ioredis takes apart: a function takes only so many arguments.
      return await this.#client.callBuffer(name, args);
    } finally {
      this.#oldest.answered();
    }
  }

  /**
   * Ends the connection: its calls could otherwise be answered, or still run, among later ones. ioredis then rejects
   * all of them, since it sends none again.
   */
  #endSilent(): void {
    this.#silence = new DeadlinePassed(this.#commandTimeoutMs);
    this.#client.stream?.destroy();
  }

  /**
   * The id of this run of the server. A server that was restarted, or has taken another's place, may have an older
   * state. `undefined`: the server does not tell. One question per connection is enough: no connection outlives a run.
   */
  async serverRun(): Promise<string | undefined> {
    this.#told ??= this.#askServer();
    return (await this.#told).run;
  }

  /** Which program answers, and what it can do: asked once per connection, for the next may lead to another one. */
  async serverKind(): Promise<ServerKind> {
    this.#told ??= this.#askServer();
    return (await this.#told).kind;
  }

  async #askServer(): Promise<ToldServer> {
    const told = (info: string): ToldServer => ({
      run: /^run_id:(\w+)/mu.exec(info)?.[1],
      kind: serverKindOf(info),
    });
    try {
      return told(String(await this.command('INFO', ['server'])));
    } catch (error) {
      if (error instanceof SpillwayError && error.code === 'CONFIG_INVALID') return told('');
      this.#told = undefined;
      throw error;
    }
  }

  /** If the user may not ask, no change of server is noticed. */
  async #noticeRun(): Promise<void> {
    const run = await this.serverRun().catch(() => undefined);
    if (run === undefined) return;
    if (this.#lastRun !== undefined && this.#lastRun !== run) this.#onAnotherServer(this.server);
    this.#lastRun = run;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#reconnecting);
    const { status } = this.#client;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#client.on('end', resolve);
    if (status !== 'end') this.#client.disconnect();
    // A ready client still sends its written commands before it ends. In another state, ioredis may emit no `end`.
    if (status === 'ready') await beforeDeadline(ended, this.#commandTimeoutMs).catch(() => undefined);
    this.#client.stream?.destroy();
    this.#oldest.end();
  }

  #watch(): void {
    const client = this.#client;
    client.on('connect', () => this.#watchHandshake());
    client.on('ready', () => {
      this.#openings += 1;
      this.#callOff();
      this.#silence = undefined;
      this.#ends = 0;
      // A server that does not tell its run leaves nothing to compare.
      this.#noticeRun().catch(() => undefined);
    });
    client.on('close', () => {
      this.#callOff();
      this.#told = undefined;
    });
    client.on('error', (error: Error) => {
      if (isSelectRefusal(error)) client.stream?.destroy();
    });
    client.on('end', () => this.#reconnect());
  }

  /** Ends the connection to a server that accepts and never answers, or is frozen: the next may find another server. */
  #watchHandshake(): void {
    this.#callOff();
    this.#callOff = afterDeadline(this.#commandTimeoutMs, () => {
      if (this.#client.status !== 'connect') return;
      this.#trouble.note(
        new Error(
          `it accepts connections, but was not ready within ${this.#commandTimeoutMs} ms: ` +
            'it does not answer, or is still loading its data',
        ),
      );
      this.#client.stream?.destroy();
    });
  }

  /**
   * Connects again after ioredis has given the client up. It does so if its connector is told of a failover while it
   * looks for the primary already.
   */
  #reconnect(): void {
    if (this.#isClosed || !this.#hasBeenOpen) return;
    this.#ends += 1;
    this.#reconnecting = setTimeout(() => {
      this.#client.connect().catch(() => undefined);
    }, backOff(this.#ends));
  }

  #failed(error: unknown): Error {
    if (error instanceof SpillwayError) return error;
    if (this.#isClosed && !isReply(error)) return stopped(this.server, 'within');
    return asStagingError(error, this.server, this.#trouble.cause, this.#silence);
  }
}

function createClient(target: RedisTarget, own: OwnOptions): RedisClient {
  if (typeof target === 'string') return new Redis({ ...optionsOfUrl(target, TARGET), ...own });
  return isClient(target) ? target.duplicate(own) : new Redis({ ...target, ...own });
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** Most answered calls that are kept. */
const MOST_KEPT = 1_024;

/**
 * The deadline of a connection whose answers come in the order of its calls: that of the oldest call without an answer
 * (R16). There is one timer however many calls are on their way, and it runs on from call to call.
 */
export class OldestCall {
  readonly #timeoutMs: number;
  readonly #onSilence: () => void;
  /** When calls without an answer were sent, the oldest first, from `#answered` on. */
  #sentMs: number[] = [];
  #answered = 0;
  #callOff: (() => void) | undefined;

  constructor(timeoutMs: number, onSilence: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onSilence = onSilence;
  }

  /** How many times are kept: those of the calls on their way, and of some that are answered. */
  get kept(): number {
    return this.#sentMs.length;
  }

  sent(): void {
    this.#sentMs.push(performance.now());
    if (this.#callOff === undefined) this.#wait(this.#timeoutMs);
  }

  answered(): void {
    this.#answered += 1;
    // A connection may never be idle. So what is answered is dropped in parts, not at the end of all calls only.
    if (this.#answered < this.#sentMs.length && this.#answered < MOST_KEPT) return;
    this.#sentMs = this.#sentMs.slice(this.#answered);
    this.#answered = 0;
  }

  /** No call is on its way any more. */
  end(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }

  #wait(ms: number): void {
    this.#callOff = afterDeadline(ms, () => this.#look());
  }

  #look(): void {
    this.#callOff = undefined;
    const oldestMs = this.#sentMs[this.#answered];
    if (oldestMs === undefined) return;
    const restMs = oldestMs + this.#timeoutMs - performance.now();
    if (restMs > 0) this.#wait(restMs);
    else this.#onSilence();
  }
}
