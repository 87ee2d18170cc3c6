import { SpillwayError } from '../errors.js';
import type { DeadLetter, DeadLetterStore, LetterFilter } from './dead-letter-store.js';

export interface AllLettersOptions {
  /** Most letters that are put back or discarded. @defaultValue all that the filter means */
  readonly limit?: number;
  /** Aborted: no more letters are touched, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface RetryAllOptions extends AllLettersOptions {
  /** Also letters whose rows were staged or written since. @defaultValue `false` */
  readonly force?: boolean;
}

/** How many letters were tried again, by result. */
export interface RetriedLetters {
  /** Letters that are staged now. */
  readonly staged: number;
  /** Letters that stay letters, because their rows were staged or written since. */
  readonly newer: number;
  /** Letters that stay letters, because they cannot be put back. */
  readonly refused: number;
  /** Why the first of the refused letters was refused. Absent: none was. */
  readonly refusal?: SpillwayError;
}

/** Codes that refuse a single letter: the next letters are tried all the same. */
const OF_ONE_LETTER: ReadonlySet<string> = new Set(['COUNTER_OVERFLOW', 'POLICY_MISMATCH', 'CONFIG_INVALID']);

/**
 * Puts back all letters that a filter means, in pages, the newest of a row first. An older letter of the row is laid
 * under it with `force`, and is `newer` without.
 */
export async function retryAll(
  store: DeadLetterStore,
  filter: LetterFilter,
  { force = false, limit = Infinity, signal }: RetryAllOptions = {},
): Promise<RetriedLetters> {
  const counts = { staged: 0, newer: 0, refused: 0 };
  let refusal: SpillwayError | undefined;
  const retry = async (letter: DeadLetter): Promise<void> => {
    try {
      const became = await store.retry(letter, { force });
      if (became !== 'absent') counts[became] += 1;
    } catch (error) {
      if (!(error instanceof SpillwayError) || !OF_ONE_LETTER.has(error.code)) throw error;
      counts.refused += 1;
      refusal ??= error;
    }
  };
  await eachLetter(store, filter, { done: () => counts.staged, limit, signal }, retry);
  return { ...counts, ...(refusal && { refusal }) };
}

/** Throws away all letters that a filter means, in pages, the newest first. */
export async function discardAll(
  store: DeadLetterStore,
  filter: LetterFilter,
  { limit = Infinity, signal }: AllLettersOptions = {},
): Promise<{ readonly discarded: number }> {
  let discarded = 0;
  await eachLetter(store, filter, { done: () => discarded, limit, signal }, async (letter) => {
    if (await store.discard(letter)) discarded += 1;
  });
  return { discarded };
}

interface HowMany {
  readonly done: () => number;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/** Acts on all rows of a page at once, and on the letters of one row one after the other. */
async function eachLetter(
  store: DeadLetterStore,
  filter: LetterFilter,
  { done, limit, signal }: HowMany,
  act: (letter: DeadLetter) => Promise<void>,
): Promise<void> {
  signal?.throwIfAborted();
  for await (const page of store.pages(filter)) {
    for (let from = 0; from < page.length && done() < limit;) {
      signal?.throwIfAborted();
      const some = page.slice(from, from + limit - done());
      from += some.length;
      await Promise.all(
        [...Map.groupBy(some, ({ rowKey }) => rowKey).values()].map(async (ofRow) => inTurn(ofRow, act)),
      );
    }
    if (done() >= limit) return;
  }
}

async function inTurn(letters: readonly DeadLetter[], act: (letter: DeadLetter) => Promise<void>): Promise<void> {
  for (const letter of letters) await act(letter);
}
