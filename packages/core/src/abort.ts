/**
 * Ends a wait when the signal is aborted, with the signal's reason. The act goes on by itself; nobody hears how it
 * ends.
 */
export async function unlessAborted<T>(signal: AbortSignal | undefined, wait: () => Promise<T>): Promise<T> {
  if (!signal) return wait();
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([wait(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
