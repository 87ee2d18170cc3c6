import type { EntityName } from '@mikro-orm/core';
import { givenSignal, unlessAborted } from '../mikro-orm/contract/call-context.js';
import type { LetterPage, RowCalls } from '../mikro-orm/repository/row-calls.js';
import type { ComparedLetter, RowLooks } from './row-life.js';
import { OptionReader } from '../policy/option-reader.js';
import {
  type AllLettersOptions,
  discardAll,
  type RetriedLetters,
  retryAll,
  type RetryAllOptions,
} from '../staging/all-letters.js';
import type { DeadLetter, DeadLetterId, DeadLetterStore, LetterFilter } from '../staging/dead-letter-store.js';

/** Selects dead letters: of an entity, with a code, both, or with `{}` all of them. */
export interface AllLettersFilter {
  readonly entity?: EntityName;
  readonly code?: string;
}

export interface RetryLetterOptions {
  /** Also if the row was staged or written since. @defaultValue `false` */
  readonly force?: boolean;
  /**
   * Values to replace those of the letter, by property and as the entity has them: for a letter that PostgreSQL has
   * refused because of a value. Keys, versions and counters cannot be replaced.
   *
   * @example
   * ```ts
   * await service.deadLetters.retry(letter, { values: { price: 0 } });
   * ```
   */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Aborted before the letter is put back: it stays where it is. */
  readonly signal?: AbortSignal;
}

/** Records that could not be written. */
export interface SpillwayDeadLetters {
  /** Newest first within a shard; of one entity, or with one code, if the page says so. */
  list(page?: LetterPage): Promise<readonly DeadLetter[]>;
  /** Answers `undefined` if there is no such letter (any more). */
  get(letter: DeadLetterId): Promise<DeadLetter | undefined>;
  /** The letter beside its row in the database. Answers `undefined` if there is no such letter (any more). */
  compare(letter: DeadLetterId): Promise<ComparedLetter | undefined>;
  /**
   * Puts the letter back as a dirty record, under changes that are dirty by now. `newer`: the row was staged or written
   * since, and `force` was not given. `absent`: there is no such letter.
   * @throws SpillwayError `COUNTER_OVERFLOW`; `POLICY_MISMATCH` for an entity that was left; `CONFIG_INVALID` or
   * `VALIDATION_FAILED` for `values` that the entity cannot have; the reason of `signal`
   */
  retry(letter: DeadLetterId, options?: RetryLetterOptions): Promise<'staged' | 'newer' | 'absent'>;
  /** Answers `false` if there is no such letter. */
  discard(letter: DeadLetterId): Promise<boolean>;
  /**
   * Puts back all letters that match the filter and exist at the call, a hundred at a time. The newest letter of a row
   * goes first; an older one is `newer` then, or is laid under it with `force`.
   *
   * @example
   * ```ts
   * await service.deadLetters.retryAll({ entity: Product, code: '23505' }); // { staged: 41, newer: 1, refused: 0 }
   * ```
   * @throws SpillwayError `CONFIG_INVALID` for a filter that is not understood; no letter was put back then
   */
  retryAll(filter: AllLettersFilter, options?: RetryAllOptions): Promise<RetriedLetters>;
  /**
   * Throws away all letters that match the filter and exist at the call, a hundred at a time, newest first within a
   * shard.
   * @throws SpillwayError `CONFIG_INVALID` for a filter that is not understood; no letter was discarded then
   */
  discardAll(filter: AllLettersFilter, options?: AllLettersOptions): Promise<{ readonly discarded: number }>;
}

/** @param open answers the letters of the staging store, and opens the store if need be */
export function serviceLetters(
  open: () => Promise<DeadLetterStore>,
  rows: RowCalls,
  looks: RowLooks,
): SpillwayDeadLetters {
  const filterOf = (act: string, given: AllLettersFilter): LetterFilter => {
    refuseVague(act, given);
    return rows.letterPage(given);
  };
  return {
    list: async (page) => (await open()).list(rows.letterPage(page)),
    get: async (letter) => (await open()).get(letter),
    compare: async (letter) => looks.compared(letter),
    retry: async (which, { force = false, values, ...given } = {}) => {
      const signal = givenSignal('retry()', given);
      const store = await unlessAborted(signal, open);
      if (values === undefined) return store.retry(which, { force });
      const letter = await store.get(which);
      return letter ? store.retry(letter, { force, values: await rows.editedValues(letter, values) }) : 'absent';
    },
    discard: async (letter) => (await open()).discard(letter),
    retryAll: async (given, options) => {
      const filter = filterOf('retryAll()', given);
      return retryAll(await open(), filter, options);
    },
    discardAll: async (given, options) => {
      const filter = filterOf('discardAll()', given);
      return discardAll(await open(), filter, options);
    },
  };
}

/** A misspelt filter, or one without a value, would match all letters. */
function refuseVague(act: string, given: AllLettersFilter): void {
  const read = new OptionReader(`the filter of ${act}`, given, ['entity', 'code']);
  for (const name of Object.keys(given))
    if (!read.has(name)) throw read.invalid(name, 'must be left out, or say which letters are meant');
  read.text('code', /^.+$/su, 'the code of a dead letter');
}
