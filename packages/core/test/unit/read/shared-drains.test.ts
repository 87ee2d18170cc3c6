import { describe, expect, test } from 'vitest';
import { SharedDrains } from '../../../src/read/shared-drains.js';

/**
 * Drains that look and end when the test says so. `covered`: which changes had been acknowledged when each of them
 * looked.
 */
class Drains {
  readonly shared = new SharedDrains<number>();
  readonly covered: number[] = [];
  acknowledged = 0;
  readonly #looks: (() => void)[] = [];
  readonly #ends: ((how: 'ends' | 'fails') => void)[] = [];

  /** A query that begins now answers how many changes the drain has covered that it waited for. */
  query(scope = 'product'): Promise<number> {
    return this.shared.join(scope, async (looked) => {
      const covers = this.acknowledged;
      this.covered.push(covers);
      const look = Promise.withResolvers<void>();
      this.#looks.push(look.resolve);
      await look.promise;
      looked();
      const end = Promise.withResolvers<'ends' | 'fails'>();
      this.#ends.push(end.resolve);
      if ((await end.promise) === 'fails') throw new Error('DRAIN_TIMEOUT');
      return covers;
    });
  }

  async look(): Promise<void> {
    this.#looks.shift()?.();
    await turns();
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
  test('share the next drain while one is looking, and each sees what was acknowledged before it began (H12)', async () => {
    const drains = new Drains();
    const first = drains.query();
    drains.acknowledged = 1;
    const later = [drains.query(), drains.query()];
    drains.acknowledged = 2;
    later.push(drains.query());
    await drains.look();
    // The first drain goes on writing; the next one has begun nevertheless.
    expect(drains.covered).toEqual([0, 2]);
    await drains.look();
    await drains.end();
    await drains.end();
    expect(await first).toBe(0);
    expect(await Promise.all(later)).toEqual([2, 2, 2]);
  });

  test('begin a drain of their own once the last one has looked', async () => {
    const drains = new Drains();
    const first = drains.query();
    await drains.look();
    drains.acknowledged = 1;
    const second = drains.query();
    await drains.look();
    await drains.end();
    await drains.end();
    expect([await first, await second]).toEqual([0, 1]);
  });

  test('share a failure too, and the next ones try again', async () => {
    const drains = new Drains();
    const first = drains.query();
    const others = [drains.query(), drains.query()].map(async (query) => query.catch(String));
    await drains.look();
    await drains.look();
    await drains.end();
    await drains.end('fails');
    expect(await first).toBe(0);
    expect(await Promise.all(others)).toEqual(['Error: DRAIN_TIMEOUT', 'Error: DRAIN_TIMEOUT']);
    const again = drains.query();
    await drains.look();
    await drains.end();
    expect(await again).toBe(0);
  });

  test('are not held up by a drain that fails before it has looked', async () => {
    const shared = new SharedDrains<string>();
    const failing = Promise.withResolvers<string>();
    const first = shared.join('product', async () => failing.promise);
    const second = shared.join('product', async (looked) => {
      looked();
      return 'drained';
    });
    failing.reject(new Error('down'));
    await expect(first).rejects.toThrow('down');
    expect(await second).toBe('drained');
  });
});

test('queries of other scopes do not wait for each other', async () => {
  const drains = new Drains();
  const queries = [drains.query('product'), drains.query('order')];
  expect(drains.covered).toEqual([0, 0]);
  await drains.look();
  await drains.look();
  await drains.end();
  await drains.end();
  expect(await Promise.all(queries)).toEqual([0, 0]);
});
