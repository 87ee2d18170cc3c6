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

/** The form that terminus expects: a status and details, under the given key. */
export type SpillwayHealthResult<Key extends string> = Record<
  Key,
  { readonly status: 'up' | 'down' } & Readonly<Record<string, unknown>>
>;

/**
 * Answers for `@nestjs/terminus`: `health.check([() => spillway.readiness('spillway')])`. It does not import terminus,
 * and can be called without it.
 */
export class SpillwayHealthIndicator {
  readonly #spillway: Spillway;
  readonly #readiness: Readiness;

  constructor(spillway: Spillway, readiness: Readiness) {
    this.#spillway = spillway;
    this.#readiness = readiness;
  }

  /**
   * Tells whether to keep the process. The answer is always `up`: a restart of the process solves no problem of Redis
   * or PostgreSQL.
   */
  async liveness<const Key extends string = 'spillway'>(
    key: Key = 'spillway' as Key,
  ): Promise<SpillwayHealthResult<Key>> {
    return answer(key, 'up', {});
  }

  /**
   * Tells whether to send requests: from the start until the application is asked to end, and while changes can be
   * staged and written. `states` and `problems` name the problems.
   */
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

  /** Tells whether PostgreSQL keeps up with the staged changes. */
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
