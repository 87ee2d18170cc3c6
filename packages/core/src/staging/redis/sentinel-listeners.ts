import type { RedisClient } from './redis-target.js';

/**
 * Silences the clients by which ioredis listens to sentinels. They have no error handlers: ioredis prints each attempt
 * at a sentinel that is away, and a subscription without an answer in time rejects and ends the process. Here their
 * errors are ignored, and a subscription waits until the sentinel answers.
 */
export function calmSentinelListeners(client: RedisClient): void {
  const connector: unknown = Reflect.get(client, 'connector');
  if (typeof connector !== 'object' || connector === null) return;
  const connect: unknown = Reflect.get(connector, METHOD);
  if (typeof connect !== 'function') return;
  Reflect.set(connector, METHOD, (endpoint: unknown, options?: { readonly lazyConnect?: boolean }): unknown => {
    // A client that only asks for the primary connects at once.
    if (!options?.lazyConnect) return Reflect.apply(connect, connector, [endpoint, options]);
    const patient = { ...options, commandTimeout: undefined, maxRetriesPerRequest: null };
    const listener = Reflect.apply(connect, connector, [endpoint, patient]) as Listener;
    listener.on('error', () => undefined);
    const subscribe = listener.subscribe.bind(listener);
    listener.subscribe = (...channels) => heard(subscribe(...channels));
    return listener;
  });
}

/** A private method of ioredis. A version that names it differently stays noisy. */
const METHOD = 'connectToSentinel';

interface Listener {
  on(event: 'error', listener: () => void): unknown;
  subscribe(...channels: unknown[]): Promise<unknown>;
}

/** ioredis also subscribes again by itself, and does not handle a rejection then. */
function heard<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined);
  return answer;
}
