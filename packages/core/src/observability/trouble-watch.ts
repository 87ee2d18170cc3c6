import { textOf } from '../errors.js';
import type { SpillwayEvents } from '../events.js';
import { printable } from '../printable.js';
import type { Trouble } from './health.js';

/** A pause has no end that is told: what is still paused says so again within this time. */
const PAUSE_IS_OVER_MS = 60_000;

/** Remembers, from the events of this process, what is wrong at present. */
export class TroubleWatch {
  readonly #silentShards = new Set<number>();
  readonly #paused = new Map<string, number>();
  readonly #now: () => number;
  #isSinkDown = false;

  constructor(events: SpillwayEvents, now: () => number = () => performance.now()) {
    this.#now = now;
    events.on('sink-down', () => {
      this.#isSinkDown = true;
    });
    events.on('sink-up', () => {
      this.#isSinkDown = false;
    });
    events.on('staging-down', ({ shards }) => shards.forEach((shard) => this.#silentShards.add(shard)));
    events.on('staging-up', ({ shards }) => shards.forEach((shard) => this.#silentShards.delete(shard)));
    events.on('paused', (event) =>
      this.#paused.set(
        event.cause === 'table'
          ? printable(`Table ${event.table} cannot be written, its changes wait: ${event.reason}`)
          : `Nothing is written until the configuration is right: ${textOf(event.error)}`,
        now(),
      ),
    );
  }

  get current(): Trouble {
    for (const [text, seenMs] of this.#paused) {
      if (this.#now() - seenMs > PAUSE_IS_OVER_MS) this.#paused.delete(text);
    }
    return { isSinkDown: this.#isSinkDown, silentShards: this.#silentShards, paused: [...this.#paused.keys()] };
  }
}
