/** Doubles from `minDelayMs` with every attempt up to `maxDelayMs`. `attempts` counts from 1. */
export function backOffMs(
  retry: { readonly minDelayMs: number; readonly maxDelayMs: number },
  attempts: number,
): number {
  return Math.min(retry.maxDelayMs, retry.minDelayMs * 2 ** Math.min(attempts - 1, 30));
}

/** As long as the fault has lasted: short at first, then doubling, from `minDelayMs` up to `maxDelayMs`. */
export function asLongAgainMs(
  retry: { readonly minDelayMs: number; readonly maxDelayMs: number },
  lastedMs: number,
): number {
  return Math.min(retry.maxDelayMs, Math.max(retry.minDelayMs, lastedMs));
}
