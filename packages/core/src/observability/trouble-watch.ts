import type { SpillwayEvents } from '../events.js';
import type { DatabaseState } from '../sink/sink-failure.js';

/** States that only a flush can find out: PostgreSQL still answers a question that writes nothing. */
const ONLY_BY_WRITING: ReadonlySet<DatabaseState> = new Set(['disk-full', 'out-of-memory', 'read-only']);

/** A worker with changes to write would have tried again by then; a process that only drains may never try again. */
const IS_OVER_MS = 60_000;

/** Remembers, from the events of this process, problems that flushes have met and that no flush has found solved. */
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

  /** Everything was closed: no flush can find those problems solved any more. */
  forget(): void {
    this.#silentShards.clear();
    this.#database = undefined;
  }

  get silentShards(): ReadonlySet<number> {
    return this.#silentShards;
  }

  /** True if a flush has met lately that PostgreSQL takes no writes, and no flush has succeeded since. */
  get isDatabaseDown(): boolean {
    return this.#database !== undefined && this.#now() - this.#metMs <= IS_OVER_MS;
  }

  /** @param now the state in which PostgreSQL was found just now; `undefined`: it has answered */
  database(now: DatabaseState | undefined): DatabaseState | undefined {
    if (now !== undefined || this.#database === undefined) return now;
    return ONLY_BY_WRITING.has(this.#database) && this.isDatabaseDown ? this.#database : undefined;
  }
}
