import { expect, test } from 'vitest';
import { unlessStarved } from '../../../src/runtime/starved.js';

test('nobody waits for flushes that wait for a connection', async () => {
  const sink = { waitsForConnectionMs: 0 };
  const waiting = unlessStarved(sink, () => new Promise<never>(() => undefined));
  sink.waitsForConnectionMs = 1_000;
  expect(await waiting).toBe('starved');
});

test('where they wait already, nothing is begun', async () => {
  let begun = 0;
  const act = async (): Promise<number> => (begun += 1);
  expect(await unlessStarved({ waitsForConnectionMs: 1_000 }, act)).toBe('starved');
  expect(begun).toBe(0);
});

test('as long as connections are to be had, the answer is that of the act, or its error', async () => {
  const sink = { waitsForConnectionMs: 0 };
  expect(await unlessStarved(sink, async () => 'drained')).toBe('drained');
  await expect(unlessStarved(sink, async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});

test('an act that fails later, when nobody waits for it any more, disturbs nobody', async () => {
  const sink = { waitsForConnectionMs: 0 };
  const act = Promise.withResolvers<never>();
  const waiting = unlessStarved(sink, () => act.promise);
  sink.waitsForConnectionMs = 1_000;
  expect(await waiting).toBe('starved');
  act.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
});
