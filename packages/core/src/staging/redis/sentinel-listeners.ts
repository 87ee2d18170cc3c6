import type { RedisClient } from './redis-target.js';

/**
 * ioredis listens to the sentinels by clients of its own, and nobody listens to those: each attempt at a sentinel that
 * is
 * away is printed, and a subscription that is not answered in time is a rejection that ends the process. Such a client
 * is silent here, and its subscription waits until the sentinel answers, however long that takes.
 */
export function calmSentinelListeners(client: RedisClient): void {
  const connector: unknown = Reflect.get(client, 'connector');
  if (typeof connector !== 'object' || connector === null) return;
  const connect: unknown = Reflect.get(connector, METHOD);
  if (typeof connect !== 'function') return;
  Reflect.set(connector, METHOD, (endpoint: unknown, options?: { readonly lazyConnect?: boolean }): unknown => {
    // One that only asks for the primary connects at once.
    if (!options?.lazyConnect) return Reflect.apply(connect, connector, [endpoint, options]);
    const patient = { ...options, commandTimeout: undefined, maxRetriesPerRequest: null };
    const listener = Reflect.apply(connect, connector, [endpoint, patient]) as Listener;
    listener.on('error', () => undefined);
    const subscribe = listener.subscribe.bind(listener);
    listener.subscribe = (...channels) => heard(subscribe(...channels));
    return listener;
  });
}

/** Private to ioredis; a version that has it under another name is as noisy as it is. */
const METHOD = 'connectToSentinel';

interface Listener {
  on(event: 'error', listener: () => void): unknown;
  subscribe(...channels: unknown[]): Promise<unknown>;
}

/** ioredis subscribes again by itself, and listens to no answer then. */
function heard<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined);
  return answer;
}
