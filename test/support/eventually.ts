import { setTimeout as pause } from 'node:timers/promises';

export interface EventuallyOptions {
  /** @defaultValue 10 000 */
  readonly timeoutMs?: number;
  /** Said in the failure: what was waited for. */
  readonly what?: string;
}

/**
 * Looks again and again until `look` neither throws nor answers `false`, and returns its answer. After the deadline it
 * fails with the last thing that was seen, so that the failure says how far things have come.
 *
 * ```ts
 * await eventually(async () => expect(await countRows()).toBe(3));
 * ```
 */
export async function eventually<T>(look: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 10_000, what = 'the condition' } = options;
  const deadline = performance.now() + timeoutMs;
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
    const seen = await attempt(look);
    if ('answer' in seen && seen.answer !== false) return seen.answer;
    if (performance.now() > deadline) throw notSo(`Waited ${timeoutMs} ms for ${what}`, seen);
    await pause(waitMs);
  }
}

type Seen<T> = { readonly answer: T } | { readonly failure: unknown };

async function attempt<T>(look: () => T | Promise<T>): Promise<Seen<T>> {
  try {
    return { answer: await look() };
  } catch (failure) {
    return { failure };
  }
}

function notSo(waited: string, seen: Seen<unknown>): Error {
  if ('answer' in seen) return new Error(`${waited}; the last answer was ${String(seen.answer)}.`);
  const { failure } = seen;
  return new Error(`${waited}; the last failure was: ${failure instanceof Error ? failure.message : String(failure)}`, {
    cause: failure,
  });
}
