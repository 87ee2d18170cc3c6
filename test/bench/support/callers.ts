import { setTimeout } from 'node:timers/promises';
import type { Ground } from '../process/side.js';

/** So many callers work at once, unless a measurement says otherwise. */
export const AT_ONCE = 64;

/**
 * `calls` calls by `callers` callers. Each caller begins its next call when its last one has ended. Caller 3 of 64
 * makes the calls 3, 67, 131 and so on, so in a table of 64 times n rows each row has one caller.
 * @returns seconds
 */
export async function during(
  calls: number,
  callers: number,
  act: (call: number, caller: number) => Promise<void>,
): Promise<number> {
  const begin = performance.now();
  const all = Array.from({ length: Math.min(callers, calls) }, async (_, caller) => {
    for (let call = caller; call < calls; call += callers) await act(call, caller);
  });
  await Promise.all(all);
  return (performance.now() - begin) / 1_000;
}

/**
 * So many callers for so many seconds. Each begins its next call when its last one has ended.
 * @returns calls that have ended
 */
export async function forSeconds(
  seconds: number,
  callers: number,
  act: (call: number, caller: number) => Promise<void>,
): Promise<number> {
  const end = performance.now() + 1_000 * seconds;
  let ended = 0;
  const all = Array.from({ length: callers }, async (_, caller) => {
    for (let call = 0; performance.now() < end; call += 1) {
      await act(call, caller);
      ended += 1;
    }
  });
  await Promise.all(all);
  return ended;
}

/**
 * Calls at a steady pace, however long each takes; a caller whose last call has not ended waits for it.
 * @returns calls that have ended
 */
export async function paced(
  { perSecond, seconds, callers }: { readonly perSecond: number; readonly seconds: number; readonly callers: number },
  act: (caller: number) => Promise<void>,
): Promise<number> {
  const begin = performance.now();
  const interval = (1_000 * callers) / perSecond;
  const calls = Math.ceil((1_000 * seconds) / interval);
  const all = Array.from({ length: callers }, async (_, caller) => {
    for (let call = 0; call < calls; call += 1) {
      const due = begin + interval * (call + caller / callers);
      const early = due - performance.now();
      if (early > 0) await setTimeout(early);
      await act(caller);
    }
  });
  await Promise.all(all);
  return calls * callers;
}

/** A number of rows or calls in the scale of this run: a multiple of the callers, and at least one call for each. */
export function scaled({ scale }: Pick<Ground, 'scale'>, count: number, callers = AT_ONCE): number {
  return Math.max(1, Math.round((count * scale) / callers)) * callers;
}
