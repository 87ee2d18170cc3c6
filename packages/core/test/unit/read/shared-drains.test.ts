import { describe, expect, test, vi } from 'vitest';
import { SharedDrains, type Joined } from '../../../src/read/shared-drains.js';

/** Drains that end when the test says so. `covered`: which changes had been acknowledged when each of them began. */
class Drains {
  readonly shared = new SharedDrains<number>();
  readonly covered: number[] = [];
  /** How long the first query of each had waited. */
  readonly waited: number[] = [];
  acknowledged = 0;
  readonly #ends: ((how: 'ends' | 'fails') => void)[] = [];

  /** A query that begins now answers how many changes the drain has covered that it waited for. */
  async query(scope = 'product'): Promise<number> {
    return (await this.join(scope)).outcome;
  }

  join(scope = 'product'): Promise<Joined<number>> {
    return this.shared.join(scope, 100, async (waitedMs) => {
      this.waited.push(waitedMs);
      const covers = this.acknowledged;
      this.covered.push(covers);
      const end = Promise.withResolvers<'ends' | 'fails'>();
      this.#ends.push(end.resolve);
      if ((await end.promise) === 'fails') throw new Error('DRAIN_TIMEOUT');
      return covers;
    });
  }

  async end(how: 'ends' | 'fails' = 'ends'): Promise<void> {
    this.#ends.shift()?.(how);
    await turns();
  }
}

async function turns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('queries of one scope', () => {
  test('share the next drain while one runs, and each sees what was acknowledged before it began (H12)', async () => {
    const drains = new Drains();
    const first = drains.query();
    drains.acknowledged = 1;
    const later = [drains.query(), drains.query()];
    drains.acknowledged = 2;
    later.push(drains.query());
    await turns();
    expect(drains.covered).toEqual([0]);
    await drains.end();
    expect(drains.covered).toEqual([0, 2]);
    drains.acknowledged = 3;
    later.push(drains.query());
    await drains.end();
    await drains.end();
    expect(await first).toBe(0);
    expect(await Promise.all(later)).toEqual([2, 2, 2, 3]);
  });

  test('do not wait for a drain that takes long, which may wait for rows that do not concern them', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const drains = new Drains();
      const long = drains.query();
      drains.acknowledged = 1;
      const second = drains.query();
      expect(drains.covered).toEqual([0]);
      await vi.advanceTimersByTimeAsync(99);
      expect(drains.covered).toEqual([0]);
      expect(drains.waited).toEqual([0]);
      await vi.advanceTimersByTimeAsync(1);
      expect(drains.covered).toEqual([0, 1]);
      await drains.end();
      await drains.end();
      expect([await long, await second]).toEqual([0, 1]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('wait for the latest drain, also when one that took long ends meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const drains = new Drains();
      const long = drains.query();
      const second = drains.query();
      await vi.advanceTimersByTimeAsync(100);
      await drains.end();
      drains.acknowledged = 1;
      const third = [drains.query(), drains.query()];
      await turns();
      expect(drains.covered).toEqual([0, 0]);
      await drains.end();
      await drains.end();
      expect([await long, await second, ...(await Promise.all(third))]).toEqual([0, 0, 1, 1]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('wait for the rest of the patience only, and the drain is told how long they did', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const drains = new Drains();
      const queries = [drains.query()];
      await vi.advanceTimersByTimeAsync(70);
      queries.push(drains.query());
      await vi.advanceTimersByTimeAsync(30);
      expect(drains.waited).toEqual([0, 30]);
      await vi.advanceTimersByTimeAsync(5_000);
      queries.push(drains.query());
      await vi.advanceTimersByTimeAsync(0);
      expect(drains.waited).toEqual([0, 30, 0]);
      for (const _ of queries) await drains.end();
      expect(await Promise.all(queries)).toEqual([0, 0, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('share a failure too, and the next ones try again', async () => {
    const drains = new Drains();
    const first = drains.query();
    const others = [drains.query(), drains.query()].map(async (query) => query.catch(String));
    await drains.end();
    await drains.end('fails');
    expect(await first).toBe(0);
    expect(await Promise.all(others)).toEqual(['Error: DRAIN_TIMEOUT', 'Error: DRAIN_TIMEOUT']);
    const again = drains.query();
    await drains.end();
    expect(await again).toBe(0);
  });

  test('are not held up by a drain that fails', async () => {
    const drains = new Drains();
    const failing = drains.query().catch(String);
    const second = drains.join();
    await drains.end('fails');
    expect(drains.covered).toEqual([0, 0]);
    await drains.end();
    expect(await failing).toBe('Error: DRAIN_TIMEOUT');
    expect(await second).toEqual({ outcome: 0, before: { outcome: undefined } });
  });

  test('are told how the drain ended that they waited for', async () => {
    const drains = new Drains();
    drains.acknowledged = 3;
    const first = drains.join();
    const later = [drains.join(), drains.join()];
    await drains.end();
    await drains.end();
    expect(await first).toEqual({ outcome: 3 });
    expect(await Promise.all(later)).toEqual([1, 2].map(() => ({ outcome: 3, before: { outcome: 3 } })));
  });
});

test('queries of other scopes do not wait for each other', async () => {
  const drains = new Drains();
  const queries = [drains.query('product'), drains.query('order')];
  expect(drains.covered).toEqual([0, 0]);
  await drains.end();
  await drains.end();
  expect(await Promise.all(queries)).toEqual([0, 0]);
});
