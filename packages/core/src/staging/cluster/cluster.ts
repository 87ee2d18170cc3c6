import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError } from '../../errors.js';
import { pauses } from '../pauses.js';
import { RedisConnection } from '../redis/connection.js';
import { notClustered, unsettled } from './cluster-errors.js';
import { detourOf } from './detour.js';
import type { ClusterChoice } from './redis-cluster.js';
import { Servers } from './servers.js';
import { hostOf, portOf, rangesOf, SlotTable, type SlotRange } from './slot-table.js';

/** The shortest time between two looks at the slots, milliseconds. */
const LOOK_AGAIN_MS = 200;

/** Most servers that a call is sent on to without a pause. */
const MOST_HOPS = 5;

export interface ClusterSettings {
  readonly commandTimeoutMs: number;
  /** Called when another server has taken the place of a primary, or a server answers after a restart. */
  readonly onAnotherServer?: (server: string) => void;
}

/** A call has run, or may be sent again after a pause. */
type RoundEnd<T> = { readonly answer: T } | { readonly error: unknown; readonly address: string };

type Act<T> = (connection: RedisConnection, isAsking: boolean) => Promise<T>;

/**
 * The servers of one Redis Cluster. Each call goes to the primary of its slot. It is sent on, or again, only if the
 * server has said that it has not run, or if nothing was sent.
 */
export class RedisCluster {
  readonly #choice: ClusterChoice;
  readonly #settings: ClusterSettings;
  readonly #table = new SlotTable();
  readonly #servers: Servers;
  /** The primaries, as the last look has found them. */
  #primaries = new Map<string, SlotRange[]>();
  #looking: Promise<void> | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;

  private constructor(choice: ClusterChoice, settings: ClusterSettings) {
    this.#choice = choice;
    this.#settings = settings;
    this.#servers = new Servers(async (address, end) => this.#connect(address, end));
  }

  /**
   * @param end aborted: the connections are closed at once, even in the middle of the opening
   * @throws SpillwayError `CONFIG_INVALID`: a server is none of a cluster, or refuses this user. `STAGING_UNAVAILABLE`
   */
  static async open(choice: ClusterChoice, settings: ClusterSettings, end?: AbortSignal): Promise<RedisCluster> {
    const cluster = new RedisCluster(choice, settings);
    end?.addEventListener('abort', () => void cluster.close(), { once: true });
    try {
      await cluster.#look();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Where the slot is, for messages. */
  placeOf(slot: number): string {
    return this.#table.addressOf(slot) ?? this.#choice.nodes.join(', ');
  }

  /**
   * Calls `act` with the connection to the server of the slot, until it has run, or its time is up. If that server is
   * connected, `act` is called before this answers.
   */
  async send<T>(slot: number, act: Act<T>): Promise<T> {
    const untilMs = performance.now() + this.#settings.commandTimeoutMs;
    for (const waitMs of pauses()) {
      const end = await this.#round(slot, act);
      if ('answer' in end) return end.answer;
      if (performance.now() + waitMs >= untilMs) throw unsettled(end.error, end.address);
      await pause(waitMs);
    }
    throw new RangeError('There is always a further pause');
  }

  /** Asks the server of the slot, and those that it names. Rejects, unless the call may be sent again. */
  async #round<T>(slot: number, act: Act<T>): Promise<RoundEnd<T>> {
    let address = this.#table.addressOf(slot) ?? (await this.#found(slot));
    let isAsking = false;
    for (let hops = 1; ; hops += 1) {
      try {
        return { answer: await this.#servers.ask(address, async (connection) => act(connection, isAsking)) };
      } catch (error) {
        const detour = detourOf(error, address);
        if (detour === undefined) {
          if (isSilence(error)) this.#lookSoon(address);
          throw error;
        }
        if (detour.kind === 'away') {
          address = await this.#successor(slot, address, error);
          isAsking = false;
          continue;
        }
        this.#lookSoon(detour.kind === 'later' ? address : undefined);
        if (detour.kind === 'later' || hops >= MOST_HOPS) return { error, address };
        address = this.#translated(detour.address);
        isAsking = detour.kind === 'ask';
        if (!isAsking) this.#table.set(slot, address);
      }
    }
  }

  async close(): Promise<void> {
    await this.#servers.close();
  }

  /** @throws `error`, if the server is away and no other has the slot */
  async #successor(slot: number, address: string, error: unknown): Promise<string> {
    await this.#look(address).catch(() => undefined);
    const found = this.#table.addressOf(slot);
    if (found === undefined || found === address) throw error;
    return found;
  }

  async #found(slot: number): Promise<string> {
    await this.#look();
    const found = this.#table.addressOf(slot);
    if (found !== undefined) return found;
    throw new SpillwayError(
      'STAGING_UNAVAILABLE',
      `No server of the Redis Cluster at ${this.#choice.nodes.join(', ')} has slot ${slot}; nothing was staged. ` +
        'Give the slot to a server, as "redis-cli --cluster fix" does, and try again',
    );
  }

  #lookSoon(except?: string): void {
    this.#look(except).catch(() => undefined);
  }

  /** Asks a server which primary has which slot. @param except a server whose word counts least */
  async #look(except?: string): Promise<void> {
    if (this.#looking === undefined && performance.now() - this.#lookedMs < LOOK_AGAIN_MS) return;
    this.#looking ??= this.#lookOnce(except).finally(() => {
      this.#lookedMs = performance.now();
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #lookOnce(except?: string): Promise<void> {
    let failure: unknown;
    for (const address of this.#toAsk(except)) {
      try {
        const answer = await this.#servers.ask(address, async (one) => one.command('CLUSTER', ['SLOTS']));
        return this.#note(rangesOf(answer, address));
      } catch (error) {
        failure ??= notClustered(error, address) ?? error;
      }
    }
    throw failure;
  }

  #toAsk(except: string | undefined): readonly string[] {
    const all = new Set([...this.#servers.addresses, ...this.#primaries.keys(), ...this.#choice.nodes]);
    if (except === undefined || !all.delete(except)) return [...all];
    return [...all, except];
  }

  #note(said: readonly SlotRange[]): void {
    const ranges = said.map((range) => ({ ...range, address: this.#translated(range.address) }));
    const before = this.#primaries;
    this.#table.replace(ranges);
    this.#primaries = Map.groupBy(ranges, ({ address }) => address);
    this.#tellSuccessors(before);
    const kept = new Set([...this.#primaries.keys(), ...this.#choice.nodes]);
    this.#servers.keepOnly(kept).catch(() => undefined);
  }

  /** A primary that has all it has from one that is none any more has taken its place. */
  #tellSuccessors(before: ReadonlyMap<string, readonly SlotRange[]>): void {
    const gone = [...before].filter(([address]) => !this.#primaries.has(address)).flatMap(([, ranges]) => ranges);
    for (const [address, ranges] of this.#primaries) {
      if (before.has(address)) continue;
      if (ranges.some(({ first }) => gone.some((old) => old.first <= first && first <= old.last)))
        this.#settings.onAnotherServer?.(address);
    }
  }

  #translated(address: string): string {
    return this.#choice.natMap?.(address) ?? address;
  }

  async #connect(address: string, end: AbortSignal): Promise<RedisConnection> {
    const target = { ...this.#choice.shared, host: hostOf(address), port: portOf(address) };
    const { commandTimeoutMs, onAnotherServer } = this.#settings;
    return RedisConnection.open(target, commandTimeoutMs, onAnotherServer, end);
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof SpillwayError && error.code === 'STAGING_TIMEOUT';
}
