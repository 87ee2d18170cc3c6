import { expect, test, vi } from 'vitest';
import type { TableName } from '../../../src/change/row-key.js';
import { CacheTrust, LEASE_MS } from '../../../src/cache/trust.js';
import type { CacheDoubts, Execute } from '../../../src/sink/cache-doubts.js';

/** PostgreSQL, as far as doubts go. */
class Doubts implements CacheDoubts {
  readonly standing = new Set<string>();
  readonly held = new Set<string>();
  asked = 0;

  readonly believed: TableName[] = [];

  async look(): ReturnType<CacheDoubts['look']> {
    this.asked += 1;
    return { areNone: this.standing.size === 0, believed: [...this.believed] };
  }

  async raise(id: string): Promise<void> {
    this.standing.add(id);
  }

  async renew(id: string): Promise<boolean> {
    return this.standing.has(id);
  }

  async hold(id: string): Promise<void> {
    this.held.add(id);
  }

  async settle(_: number, __: string | undefined, forget: () => Promise<void>): Promise<void> {
    const free = [...this.standing].filter((id) => !this.held.has(id));
    if (free.length === 0) return;
    await forget();
    for (const id of free) this.standing.delete(id);
  }

  async numberOf(): Promise<string> {
    return '1';
  }

  async ended(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {}

  cutOff(): void {}
}

const execute: Execute = async () => [];

function make(doubts = new Doubts(), forgetCopies = async (): Promise<void> => {}) {
  return { doubts, trust: new CacheTrust({ doubts, forgetCopies }) };
}

test('PostgreSQL is asked once per lease, and before it ends', async () => {
  vi.useFakeTimers();
  try {
    const { doubts, trust } = make();
    for (let look = 0; look < 5; look += 1) expect(await trust.holds()).toBe(true);
    expect(doubts.asked).toBe(1);
    await vi.advanceTimersByTimeAsync(LEASE_MS * 0.6);
    expect(await trust.holds()).toBe(true);
    expect(doubts.asked).toBe(2);
    await vi.advanceTimersByTimeAsync(LEASE_MS + 1);
    expect(await trust.holds()).toBe(true);
    expect(doubts.asked).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});

test('H4: whoever writes past the cache goes on only when every lease of before has ended', async () => {
  const doubts = new Doubts();
  const { trust: reader } = make(doubts);
  const { trust: writer } = make(doubts);
  expect(await reader.holds()).toBe(true);
  const began = performance.now();
  await writer.suspend(execute);
  expect(performance.now() - began).toBeGreaterThan(LEASE_MS);
  expect(await reader.holds()).toBe(false);
  const again = performance.now();
  await writer.suspend(execute);
  expect(performance.now() - again).toBeLessThan(LEASE_MS / 2);
});

test('a table that others write without a word is left out within a lease', async () => {
  vi.useFakeTimers();
  try {
    const { doubts, trust } = make();
    const [told, untold] = ['a', 'b'].map((table) => ({ schema: 'public', table }));
    if (!told || !untold) throw new Error('There are two tables');
    doubts.believed.push(untold, told);
    expect([await trust.holds(), trust.isBelieved(told), trust.isBelieved(untold)]).toEqual([true, true, true]);
    doubts.believed.shift();
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect([await trust.holds(), trust.isBelieved(told), trust.isBelieved(untold)]).toEqual([true, true, false]);
  } finally {
    vi.useRealTimers();
  }
});

test('a table that the last question was not about is left out until the next one', async () => {
  vi.useFakeTimers();
  try {
    const { doubts, trust } = make();
    const discovered = { schema: 'public', table: 'discovered' };
    expect([await trust.holds(), trust.isBelieved(discovered)]).toEqual([true, false]);
    doubts.believed.push(discovered);
    expect([await trust.holds(), trust.isBelieved(discovered)]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect([await trust.holds(), trust.isBelieved(discovered)]).toEqual([true, true]);
  } finally {
    vi.useRealTimers();
  }
});

test('an answer counts from when it was asked for, however late it comes', async () => {
  vi.useFakeTimers();
  try {
    const doubts = new Doubts();
    const { trust } = make(doubts);
    doubts.look = async () => {
      vi.advanceTimersByTime(LEASE_MS + 1);
      return { areNone: true, believed: [] };
    };
    expect(await trust.holds()).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test('a doubt that nobody holds is settled once all copies are forgotten, and then copies are believed again', async () => {
  const doubts = new Doubts();
  doubts.standing.add('of somebody who is gone');
  const forget = vi.fn<() => Promise<void>>(async () => expect(doubts.standing.size).toBe(1));
  const { trust } = make(doubts, forget);
  expect(await trust.holds()).toBe(false);
  await vi.waitFor(async () => expect(await trust.holds()).toBe(true), { timeout: 5_000 });
  expect(forget).toHaveBeenCalledTimes(1);
});

test('a doubt stands while copies cannot be forgotten, or a transaction holds it', async () => {
  for (const isHeld of [true, false]) {
    const doubts = new Doubts();
    doubts.standing.add('standing');
    if (isHeld) doubts.held.add('standing');
    const { trust } = make(doubts, async () => {
      throw new Error('away');
    });
    const settle = vi.spyOn(doubts, 'settle');
    expect(await trust.holds()).toBe(false);
    await vi.waitFor(async () => {
      expect(await trust.holds()).toBe(false);
      expect(settle.mock.calls.length).toBeGreaterThan(1);
    });
    expect(doubts.standing.size).toBe(1);
  }
});

test('a doubt that others have settled is raised anew, with a new wait', async () => {
  const { doubts, trust } = make();
  await trust.suspend(execute);
  doubts.standing.clear();
  const began = performance.now();
  await trust.suspend(execute);
  expect(performance.now() - began).toBeGreaterThan(LEASE_MS);
  expect(doubts.standing.size).toBe(1);
});
