import { SpillwayError } from '../../../errors.js';
import type { Tier } from '../../../policy/durability.js';
import { stopped } from '../redis-errors.js';
import type { Argument, RedisConnection } from '../connection.js';
import type { Script } from '../scripts.js';
import { Alone } from './alone.js';
import { type Abilities, askAbilities, whatIsUnverified, whyUnsupported } from './abilities.js';
import { waitsFor } from './waits.js';

/** How long an answer about the server counts, milliseconds: replicas come and go while a connection stays. */
const FRESH_MS = 1_000;

export interface DurableServerOptions {
  /** For messages. */
  readonly server: string;
  /** Connects to the server once more. */
  readonly connect: () => Promise<RedisConnection>;
  /** The longest that one command waits, milliseconds. */
  readonly waitMs: number;
  /** How long nothing is claimed while no replica is online, milliseconds. */
  readonly aloneMs: number;
  /** Is told what the server does not let us ask. */
  readonly warn: (message: string) => void;
}

/** A script that waits for a tier. */
export interface DurableCall {
  readonly tier: Tier;
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  /**
   * False: where the server cannot give the tier, it runs without waiting for it; but where there is no replica, only
   * once that has lasted. A primary that is being replaced has none either, and must hand out nothing any more.
   */
  readonly mustReach: boolean;
  /** The server is to take the script although another one still has its slot. @defaultValue false */
  readonly isAsking?: boolean;
}

/** What runs scripts that wait for a tier: a server, or the servers of a cluster. */
export type Durable = Pick<DurableServer, 'run' | 'assure' | 'whyNot' | 'close'>;

/** What a script has answered, and what it lacks for its tier, in words. */
export interface DurableReply {
  readonly reply: unknown[];
  readonly shortfall?: string;
}

/** What a server has said of itself on one connection. */
interface Known {
  readonly opening: number;
  readonly untilMs: number;
  readonly abilities: Abilities;
}

/**
 * Scripts that wait until what they have written is replicated, or on disk. They have a connection of their own, opened
 * at the first use. Those that have to wait go one after the other, and no other call stands behind them.
 */
export class DurableServer {
  readonly #options: DurableServerOptions;
  readonly #known = new Map<Tier, Known>();
  readonly #warned = new Set<string>();
  #connection: Promise<RedisConnection> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  readonly #alone: Alone;

  constructor(options: DurableServerOptions) {
    this.#options = options;
    this.#alone = new Alone(options.aloneMs);
  }

  /**
   * Why the server cannot give the tier, with the remedy; `undefined`: it can.
   *
   * @throws SpillwayError `STAGING_UNAVAILABLE`, `STAGING_TIMEOUT`: it is away
   */
  async whyNot(tier: Tier): Promise<string | undefined> {
    return whyUnsupported(tier, (await this.#ask(tier, await this.#connected())).abilities);
  }

  /** @throws SpillwayError `DURABILITY_UNSUPPORTED`; else as `whyNot` */
  async assure(tier: Tier): Promise<void> {
    this.#refuse(await this.whyNot(tier));
  }

  /** @throws as `RedisConnection.run`; SpillwayError `DURABILITY_UNSUPPORTED`: nothing was sent */
  async run(call: DurableCall): Promise<DurableReply> {
    const connection = await this.#connected();
    const { abilities } = await this.#ask(call.tier, connection);
    const isQuick = waitsFor(call.tier, abilities, this.#options.waitMs).length === 0;
    return isQuick ? this.#send(call, connection) : this.#inTurn(async () => this.#send(call, connection));
  }

  async #send(
    { tier, script, keys, args, mustReach, isAsking = false }: DurableCall,
    connection: RedisConnection,
  ): Promise<DurableReply> {
    const { abilities, opening } = await this.#ask(tier, connection);
    if (mustReach) this.#refuse(whyUnsupported(tier, abilities));
    else this.#refuseAlone(abilities);
    const waits = waitsFor(tier, abilities, this.#options.waitMs);
    const commands = waits.map(({ command }) => command);
    const { reply, waited } = await connection.runAndWait(script, keys, args, commands, { opening, isAsking });
    const missing = waits.flatMap((wait, at) => wait.missing(waited[at]) ?? []);
    return missing.length === 0 ? { reply } : { reply, shortfall: missing.join(', and ') };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act, act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #connected(): Promise<RedisConnection> {
    if (this.#isClosed) throw stopped(this.#options.server, 'before');
    this.#connection ??= this.#options.connect().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  /** Asks anew on each connection: a failover may have put another kind of server in the place of the first. */
  async #ask(tier: Tier, connection: RedisConnection): Promise<Known> {
    const known = this.#known.get(tier);
    const { openings: opening } = connection;
    if (known?.opening === opening && performance.now() < known.untilMs) return known;
    const abilities = await askAbilities(connection, tier);
    const found = { opening, abilities, untilMs: performance.now() + FRESH_MS };
    this.#known.set(tier, found);
    // Who waits for the disk alone has not asked for replicas.
    if (tier !== 'fsynced') this.#alone.note(abilities.replicas, performance.now());
    const unverified = whatIsUnverified(tier, abilities);
    if (unverified !== undefined && !this.#warned.has(unverified)) {
      this.#warned.add(unverified);
      this.#options.warn(`Spillway: of Redis at ${this.#options.server}, ${unverified}`);
    }
    return found;
  }

  #refuseAlone({ replicas }: Abilities): void {
    const { server, aloneMs } = this.#options;
    if (replicas !== 0 || this.#alone.hasLasted(performance.now())) return;
    throw new SpillwayError(
      'STAGING_UNAVAILABLE',
      `Redis at ${server} has no replica online. It may be about to be replaced, so nothing that policies want replicated is written for ${aloneMs} ms; nothing was staged. Try again`,
    );
  }

  #refuse(why: string | undefined): void {
    if (why === undefined) return;
    throw new SpillwayError(
      'DURABILITY_UNSUPPORTED',
      `Redis at ${this.#options.server} ${why}; nothing was staged. Or choose durability: 'primary'`,
    );
  }
}
