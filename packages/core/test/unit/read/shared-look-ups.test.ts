import { describe, expect, test } from 'vitest';
import { SharedLookUps } from '../../../src/read/shared-look-ups.js';

describe('look-ups that come together', () => {
  test('leave as one, once the one before has been answered', async () => {
    const { asked, answer, lookUps } = watched();
    const first = lookUps.find(['a']);
    const others = [lookUps.find(['b', 'c']), lookUps.find(['c', 'd'])];
    expect(asked).toEqual([['a']]);
    answer();
    expect(await first).toEqual(new Map([['a', 1]]));
    expect(asked).toEqual([['a'], ['b', 'c', 'd']]);
    answer();
    expect((await Promise.all(others)).map((found) => found.get('c'))).toEqual([2, 2]);
  });

  test('are never answered by what was on its way already when they came', async () => {
    const { asked, answer, lookUps } = watched();
    const old = lookUps.find(['a']);
    const fresh = lookUps.find(['a']);
    answer();
    await old;
    expect(asked).toEqual([['a'], ['a']]);
    answer();
    expect((await fresh).get('a')).toBe(2);
  });

  test('share a failure, and the next are not concerned', async () => {
    const { answer, fail, lookUps } = watched();
    const first = lookUps.find(['a']);
    fail(new Error('no connection'));
    await expect(first).rejects.toThrow('no connection');
    const next = lookUps.find(['a']);
    answer();
    expect((await next).get('a')).toBe(2);
  });
});

/** Each look-up waits for its answer by hand, and answers how many there have been. */
function watched() {
  const asked: string[][] = [];
  let pending: PromiseWithResolvers<ReadonlyMap<string, number>> | undefined;
  const lookUps = new SharedLookUps<string, number>((keys) => {
    asked.push([...keys]);
    pending = Promise.withResolvers();
    return pending.promise;
  });
  return {
    asked,
    lookUps,
    answer: () => pending?.resolve(new Map((asked.at(-1) ?? []).map((key) => [key, asked.length]))),
    fail: (error: Error) => pending?.reject(error),
  };
}
