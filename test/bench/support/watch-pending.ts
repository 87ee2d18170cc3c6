import type { Spillway } from '@spillway/core';
import type { Redis } from 'ioredis';
import { quantile } from '../report/statistics.js';
import { dataBytes } from './redis-memory.js';

/** Time between two looks, ms. */
const EVERY = 20;

/** What was pending while it was watched. */
export interface Watched {
  /** Age of the oldest pending change, ms: in the middle of all looks, and the one of a hundred. */
  readonly oldestP50: number;
  readonly oldestP99: number;
  readonly mostPending: number;
  /** What Redis held then beyond what it held in the beginning, by pending row: copies and what is remembered too. */
  readonly bytesAtMost: number;
}

/** Looks at what is pending all the time. */
export class PendingWatch {
  readonly #service: Spillway;
  readonly #redis: Redis;
  readonly #ages: number[] = [];
  readonly #memoryBefore: number;
  #most = { pending: 0, bytes: 0 };
  #isOver = false;
  readonly #looking: Promise<void>;

  private constructor(service: Spillway, redis: Redis, memoryBefore: number) {
    this.#service = service;
    this.#redis = redis;
    this.#memoryBefore = memoryBefore;
    this.#looking = this.#look();
    // `end()` tells of a failure. If the round has failed before, nobody calls it, and that failure is the one to tell.
    this.#looking.catch(() => undefined);
  }

  static async begin(service: Spillway, redis: Redis): Promise<PendingWatch> {
    return new PendingWatch(service, redis, await dataBytes(redis));
  }

  async end(): Promise<Watched> {
    this.#isOver = true;
    await this.#looking;
    const { pending, bytes } = this.#most;
    return {
      oldestP50: quantile(this.#ages, 0.5),
      oldestP99: quantile(this.#ages, 0.99),
      mostPending: pending,
      bytesAtMost: pending === 0 ? 0 : bytes / pending,
    };
  }

  async #look(): Promise<void> {
    do {
      const { pending: byEntity, oldestMs = 0 } = await this.#service.status();
      this.#ages.push(oldestMs);
      const pending = Object.values(byEntity).reduce((sum, count) => sum + count, 0);
      if (pending > this.#most.pending)
        this.#most = { pending, bytes: (await dataBytes(this.#redis)) - this.#memoryBefore };
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    } while (!this.#isOver);
  }
}
