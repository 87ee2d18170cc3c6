import type { Values } from '../change/change.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';

export interface DeadLetter {
  readonly shard: number;
  readonly id: string;
  readonly rowKey: RowKey;
  readonly code: string;
  /** In words of Spillway's and names of the metadata, as in events and logs. */
  readonly reason: string;
  /**
   * The whole message of PostgreSQL when it refused the row, or of the application's conflict function when it threw.
   * It may quote values. Absent if neither happened.
   */
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

/** How a letter is put back. */
export interface RetryWith {
  /** Also if the row was staged or written since. */
  readonly force?: boolean;
  /** Values that replace those of the letter, or are added to them. */
  readonly values?: Values;
}

/** Which dead letters are meant. Without `entity` and `code`: all of them. */
export interface LetterFilter {
  /** Name of the entity, or of the root of its table. */
  readonly entity?: string;
  readonly code?: string;
  /** Of this row. Only its shard is looked at. */
  readonly rowKey?: RowKey;
}

/** Which dead letters are listed: a page of all of them, or of those of an entity or with a code. */
export interface DeadLetterPage extends LetterFilter {
  /** @defaultValue `0` */
  readonly offset?: number;
  /** @defaultValue `100` */
  readonly limit?: number;
}

/** The remains of a dead letter that was dropped. */
export interface DroppedLetter {
  readonly rowKey: RowKey;
  /** Empty where the record could not be read. */
  readonly entity: string;
  readonly code: string;
  /** When the record was buried: milliseconds since 1970 by the store's clock; 0 where that could not be read. */
  readonly atMs: number;
}

/** The oldest dead letters of a shard, which were too many or too old. */
export interface DroppedLetters {
  readonly shard: number;
  readonly letters: readonly DroppedLetter[];
}

/**
 * Dead letters of all shards. The limits of the store say how many a shard keeps, and for how long. An act that buries
 * more drops the oldest in the same step, so that all processes see the same letters.
 */
export interface DeadLetterStore {
  /** Newest first within a shard. */
  list(page?: DeadLetterPage): Promise<readonly DeadLetter[]>;
  /**
   * The letters that are there when it begins, newest first within a shard, in pages of at most 100: for acts on any
   * number of them. Letters that come or go meanwhile may be left out.
   */
  pages(filter: LetterFilter): AsyncIterable<readonly DeadLetter[]>;
  /** `undefined`: there is no such letter (any more). */
  get(letter: DeadLetterId): Promise<DeadLetter | undefined>;
  /**
   * Puts a letter back as a dirty record, under the record that is dirty by now. `newer`: the row was staged or written
   * since, and `force` was not given.
   *
   * @throws SpillwayError `COUNTER_OVERFLOW`; `POLICY_MISMATCH` for an entity that was left; `CONFIG_INVALID` for a
   * letter that cannot be read
   *
   * @example
   * // A letter sets `name`, and a later change of the row set `price`.
   * await store.retry(letter); // 'newer'
   * await store.retry(letter, { values: { name: '"other"' } }); // 'newer': the letter is as it was
   * await store.retry(letter, { force: true }); // 'staged': both are written
   */
  retry(letter: DeadLetterId, options?: RetryWith): Promise<'staged' | 'newer' | 'absent'>;
  /** `false`: there is no such letter. */
  discard(letter: DeadLetterId): Promise<boolean>;
  /** Drops letters that are too many or too old, in all shards. A shard without new letters drops none by itself. */
  trim(): Promise<void>;
  /**
   * Calls back when an act of this store has dropped letters. Exactly one process is told of each letter.
   *
   * @returns a function that takes the listener off again
   */
  onDropped(listener: (dropped: DroppedLetters) => void): () => void;
}
