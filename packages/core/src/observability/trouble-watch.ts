import type { SpillwayEvents } from '../events.js';
import type { DatabaseState } from '../sink/sink-failure.js';

/** What only a flush can find out: a question that writes nothing is answered all the same. */
const ONLY_BY_WRITING: ReadonlySet<DatabaseState> = new Set(['disk-full', 'out-of-memory', 'read-only']);

/** A worker that has anything to write would have tried again by then; a process that only drains may never. */
const IS_OVER_MS = 60_000;

/** Remembers, from the events of this process, what flushes have met and not yet found right again. */
export class TroubleWatch {
  readonly #silentShards = new Set<number>();
  readonly #now: () => number;
  #database: DatabaseState | undefined;
  #metMs = 0;

  constructor(events: SpillwayEvents, now: () => number = () => performance.now()) {
    this.#now = now;
    events.on('sink-down', ({ state }) => {
      this.#database = state;
      this.#metMs = now();
    });
    events.on('retry', ({ reason }) => {
      if (reason === 'sink-down') this.#metMs = now();
    });
    events.on('sink-up', () => {
      this.#database = undefined;
    });
    events.on('staging-down', ({ shards }) => shards.forEach((shard) => this.#silentShards.add(shard)));
    events.on('staging-up', ({ shards }) => shards.forEach((shard) => this.#silentShards.delete(shard)));
  }

  /** Everything was closed: nobody will find right again what those flushes have met. */
  forget(): void {
    this.#silentShards.clear();
    this.#database = undefined;
  }

  get silentShards(): ReadonlySet<number> {
    return this.#silentShards;
  }

  /** Whether it has been met lately that PostgreSQL takes no writes, and no flush has found it right again. */
  get isDatabaseDown(): boolean {
    return this.#database !== undefined && this.#now() - this.#metMs <= IS_OVER_MS;
  }

  /** @param now the state that PostgreSQL has just been found in; nothing: it has answered */
  database(now: DatabaseState | undefined): DatabaseState | undefined {
    if (now !== undefined || this.#database === undefined) return now;
    return ONLY_BY_WRITING.has(this.#database) && this.isDatabaseDown ? this.#database : undefined;
  }
}
