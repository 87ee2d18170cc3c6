import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';

export interface DeadLetter {
  readonly shard: number;
  readonly id: string;
  readonly rowKey: RowKey;
  readonly code: string;
  /** In words of Spillway's and names of the metadata, as in events and logs. */
  readonly reason: string;
  /** All that PostgreSQL said when it refused the row, or the application's conflict function when it threw; it may quote values. Absent where neither did. */
  readonly message?: string;
  readonly token: string;
  /** Milliseconds since 1970 by the Redis server's clock. */
  readonly atMs: number;
  readonly record: StagedRecord;
}

/** Names one dead letter; a `DeadLetter` is one. */
export interface DeadLetterId {
  readonly shard: number;
  readonly id: string;
}

/** Which dead letters are meant; with neither, all of them. */
export interface LetterFilter {
  /** Name of the entity, or of the root of its table. */
  readonly entity?: string;
  readonly code?: string;
}

/** Which dead letters are listed: a page of all of them, or of those of an entity or with a code. */
export interface DeadLetterPage extends LetterFilter {
  /** @defaultValue `0` */
  readonly offset?: number;
  /** @defaultValue `100` */
  readonly limit?: number;
}

/** A dead letter that is gone: what is left of it. */
export interface DroppedLetter {
  readonly rowKey: RowKey;
  /** Empty where the record could not be read. */
  readonly entity: string;
  readonly code: string;
  /** When it was parked: milliseconds since 1970 by the store's clock; 0 where that could not be read. */
  readonly atMs: number;
}

/** The oldest dead letters of a shard, which were too many or too old. */
export interface DroppedLetters {
  readonly shard: number;
  readonly letters: readonly DroppedLetter[];
}

/**
 * Dead letters of all shards. A shard keeps so many of them, for so long, as the limits of the store say: whatever
 * parks more drops the oldest in the same act, so that all processes see the same letters.
 */
export interface DeadLetterStore {
  /** Newest first within a shard. */
  list(page?: DeadLetterPage): Promise<readonly DeadLetter[]>;
  /**
   * Those that are there when it begins, newest first within a shard, in pages of at most 100: for acts on any number
   * of them. One that comes or goes meanwhile may be left out.
   */
  pages(filter: LetterFilter): AsyncIterable<readonly DeadLetter[]>;
  /** `undefined`: there is none (any more). */
  get(letter: DeadLetterId): Promise<DeadLetter | undefined>;
  /**
   * Puts it back as a dirty record, under whatever is dirty by now. `newer`: the row was staged or written since, and `force` was not given.
   * @throws SpillwayError `COUNTER_OVERFLOW`; `POLICY_MISMATCH` for an entity that was left
   */
  retry(letter: DeadLetterId, options?: { readonly force?: boolean }): Promise<'staged' | 'newer' | 'absent'>;
  /** `false`: there is none. */
  discard(letter: DeadLetterId): Promise<boolean>;
  /** Drops what is too old or too many, in all shards: where nothing is parked any more, nothing else does. */
  trim(): Promise<void>;
  /**
   * Calls back when an act of this store has dropped letters. Of all processes exactly one is told of each.
   * @returns a function that takes the listener off again
   */
  onDropped(listener: (dropped: DroppedLetters) => void): () => void;
}
