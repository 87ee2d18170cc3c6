import { GivenRedis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';

test('the clients of this run are of ioredis 5, which has no RESP3, and not of the one that Spillway has', () => {
  const options = { lazyConnect: true } as const;
  expect(GivenRedis).not.toBe(Redis);
  expect(new GivenRedis(options).options).not.toHaveProperty('protocol');
  expect(new Redis(options).options).toHaveProperty('protocol');
});
