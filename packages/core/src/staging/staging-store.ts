import type { DeadLetterStore } from './dead-letter-store.js';
import type { FlushSide } from './flush-side.js';
import type { LookSide } from './look-side.js';
import type { ShardDepth } from './shard-depth.js';
import type { RowCache } from './row-cache.js';
import type { StageSide } from './stage-side.js';

/**
 * THE PORT between the engine and whatever holds staged changes, of three parts by role: what stages, what flushes, and
 * what looks at what is pending. Plain data and promises: no Redis type crosses it. Every method is atomic per shard. A
 * method rejects with `SpillwayError` `STAGING_UNAVAILABLE` (it did not run) or `STAGING_TIMEOUT` (it may have run).
 *
 * A shard exists once it has been adopted: its chain then starts at the last batch that PostgreSQL knows. Before that
 * every method answers `uninitialised`.
 */
export interface StagingStore extends StageSide, FlushSide, LookSide {
  readonly deadLetters: DeadLetterStore;

  /** Copies of rows for look-ups by key. */
  readonly cache: RowCache;

  /**
   * A round trip that changes nothing, and is refused like one that stages: rejects with `STAGING_FULL` where there is
   * no room, with `STAGING_UNAVAILABLE` where the store takes no writes.
   *
   * @returns those of several servers that would take no changes, while others would. If none would, it rejects
   */
  probe(): Promise<readonly UnwellServer[]>;

  /** Counts, without a scan. Those of several servers that do not answer are left out, unless none does. */
  stats(): Promise<StagingStats>;

  /**
   * Counts by shard. Shards that are not adopted, and those of servers that do not answer, are left out, unless no
   * server answers.
   *
   * @example
   * await store.depths(); // [{ shard: 0, server: '127.0.0.1:6379', dirty: 3, …, oldestMs: { Product: 250 } }]
   */
  depths(): Promise<readonly ShardDepth[]>;

  close(): Promise<void>;
}

/** A server that takes no changes, and the shards that it has. */
export interface UnwellServer {
  readonly shards: readonly number[];
  /** Names the server and its shards. */
  readonly error: Error;
}

export interface StagingStats {
  /** Entity -> records that are dirty or in flight. */
  readonly pending: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly dead: number;
  /** Dead letters that were dropped since the beginning, because they were too many or too old. */
  readonly deadDropped: number;
  /**
   * Milliseconds since the first change of the record that should be written before all others, the oldest as long as
   * the sink keeps up with what is due; absent when nothing is pending.
   */
  readonly oldestMs?: number;
  /** Changes that transactions hold which have not ended. */
  readonly held: number;
  /**
   * Changes accepted since the beginning, and how many of them ended in a record that was there already, or annihilated
   * one.
   */
  readonly staged: number;
  readonly coalesced: number;
  readonly annihilated: number;
  /** Which servers were asked, each in words: `Valkey 8.0.1 at 127.0.0.1:6379`. Absent: there are none. */
  readonly servers?: readonly string[];
  /** Shards that are not counted, because their server has not answered. Absent: all are counted. */
  readonly silentShards?: readonly number[];
}
