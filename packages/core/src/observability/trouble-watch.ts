import type { SpillwayEvents } from '../events.js';
import type { DatabaseState } from '../sink/sink-failure.js';

/** What only a flush can find out: a question that writes nothing is answered all the same. */
const ONLY_BY_WRITING: ReadonlySet<DatabaseState> = new Set(['disk-full', 'out-of-memory', 'read-only']);

/** Remembers, from the events of this process, what flushes have met and not yet found right again. */
export class TroubleWatch {
  readonly #silentShards = new Set<number>();
  #database: DatabaseState | undefined;

  constructor(events: SpillwayEvents) {
    events.on('sink-down', ({ state }) => {
      this.#database = state;
    });
    events.on('sink-up', () => {
      this.#database = undefined;
    });
    events.on('staging-down', ({ shards }) => shards.forEach((shard) => this.#silentShards.add(shard)));
    events.on('staging-up', ({ shards }) => shards.forEach((shard) => this.#silentShards.delete(shard)));
  }

  get silentShards(): ReadonlySet<number> {
    return this.#silentShards;
  }

  /** @param now the state that PostgreSQL has just been found in; nothing: it has answered */
  database(now: DatabaseState | undefined): DatabaseState | undefined {
    if (now !== undefined || this.#database === undefined) return now;
    return ONLY_BY_WRITING.has(this.#database) ? this.#database : undefined;
  }
}
