import { parseDuration, type Duration, type Spillway } from '@spillway/core';
import type { Readiness } from './readiness.js';

export interface SpillwayLagOptions {
  /**
   * The longest that the oldest change may have waited. 1 millisecond to 24 hours.
   * @defaultValue `'1m'`
   */
  readonly maxAge?: Duration;
  /**
   * The most rows that may be pending.
   * @defaultValue no limit
   */
  readonly maxPending?: number;
}

/** As terminus takes it: a status and what there is to say, under the key that it was asked by. */
export type SpillwayHealthResult<Key extends string> = Record<
  Key,
  { readonly status: 'up' | 'down' } & Readonly<Record<string, unknown>>
>;

/**
 * Answers for `@nestjs/terminus`: `health.check([() => spillway.readiness('spillway')])`. It needs nothing of terminus itself, and answers whoever asks.
 */
export class SpillwayHealthIndicator {
  readonly #spillway: Spillway;
  readonly #readiness: Readiness;

  constructor(spillway: Spillway, readiness: Readiness) {
    this.#spillway = spillway;
    this.#readiness = readiness;
  }

  /** Whether the process is worth keeping. It always is: nothing that Redis or PostgreSQL can have is mended by starting it again. */
  async liveness<const Key extends string = 'spillway'>(
    key: Key = 'spillway' as Key,
  ): Promise<SpillwayHealthResult<Key>> {
    return answer(key, 'up', {});
  }

  /** Whether requests are wanted: from the start on, until the application is asked to end, and while changes can be staged and written. `states` and `problems` say what is wrong. */
  async readiness<const Key extends string = 'spillway'>(
    key: Key = 'spillway' as Key,
  ): Promise<SpillwayHealthResult<Key>> {
    if (!this.#readiness.isReady) return answer(key, 'down', { problems: ['The application is starting or ending'] });
    const { status, ...details } = await this.#spillway.health();
    return answer(
      key,
      status === 'down' ? 'down' : 'up',
      status === 'degraded' ? { degraded: true, ...details } : details,
    );
  }

  /** Whether PostgreSQL keeps up with what is staged. */
  async lag<const Key extends string = 'spillway-lag'>(
    key: Key = 'spillway-lag' as Key,
    { maxAge = '1m', maxPending = Number.POSITIVE_INFINITY }: SpillwayLagOptions = {},
  ): Promise<SpillwayHealthResult<Key>> {
    const maxAgeMs = parseDuration('maxAge of lag()', maxAge, { minMs: 1, maxMs: 24 * 3_600_000 });
    const { pending, oldestMs = 0, states, problems } = await this.#spillway.health();
    const isBehind = pending === undefined || oldestMs > maxAgeMs || pending > maxPending;
    return answer(key, isBehind ? 'down' : 'up', {
      pending,
      oldestMs,
      ...(problems.length > 0 && { states, problems }),
    });
  }
}

function answer<Key extends string>(
  key: Key,
  status: 'up' | 'down',
  details: Readonly<Record<string, unknown>>,
): SpillwayHealthResult<Key> {
  return { [key]: { ...details, status } } as SpillwayHealthResult<Key>;
}
