import { describe, expect, test, vi } from 'vitest';
import { SharedDrains } from '../../../src/read/shared-drains.js';

/** Drains that end when the test says so. `covered`: which changes had been acknowledged when each of them began. */
class Drains {
  readonly shared = new SharedDrains<number>();
  readonly covered: number[] = [];
  acknowledged = 0;
  readonly #ends: ((how: 'ends' | 'fails') => void)[] = [];

  /** A query that begins now answers how many changes the drain has covered that it waited for. */
  query(scope = 'product'): Promise<number> {
    return this.shared.join(scope, async () => {
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
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const drains = new Drains();
      const long = drains.query();
      drains.acknowledged = 1;
      const second = drains.query();
      expect(drains.covered).toEqual([0]);
      await vi.advanceTimersByTimeAsync(99);
      expect(drains.covered).toEqual([0]);
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
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
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
    const shared = new SharedDrains<string>();
    const failing = Promise.withResolvers<string>();
    const first = shared.join('product', async () => failing.promise);
    const second = shared.join('product', async () => 'drained');
    failing.reject(new Error('down'));
    await expect(first).rejects.toThrow('down');
    expect(await second).toBe('drained');
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
