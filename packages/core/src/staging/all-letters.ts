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

/** What has become of the letters that were to be tried again. */
export interface RetriedLetters {
  /** They are staged. */
  readonly staged: number;
  /** Their rows were staged or written since, so they are where they were. */
  readonly newer: number;
  /** They cannot be put back, and are where they were. */
  readonly refused: number;
  /** Why the first of those was refused. */
  readonly refusal?: SpillwayError;
}

/** What one letter may be refused with, and the others not. */
const OF_ONE_LETTER: ReadonlySet<string> = new Set(['COUNTER_OVERFLOW', 'POLICY_MISMATCH', 'CONFIG_INVALID']);

/**
 * Puts back all letters that a filter means, in pages, the newest of a row first: what an older one holds is laid under
 * it, if it is forced, and is `newer` otherwise.
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

/** Rows at once, letters of one row after each other. */
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
