import { GivenRedis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { folder } from './resolve.js';

const majorFrom = (place: string): string | undefined =>
  (createRequire(place)('ioredis/package.json') as { version: string }).version.split('.')[0];

test('the clients of this run are of ioredis 5, which has no RESP3, and Spillway has ioredis 6', () => {
  const options = { lazyConnect: true } as const;
  expect(GivenRedis).not.toBe(Redis);
  expect(new GivenRedis(options).options).not.toHaveProperty('protocol');
  expect(new Redis(options).options).toHaveProperty('protocol');
  expect(majorFrom(`${folder}package.json`)).toBe('5');
  expect(majorFrom(import.meta.url)).toBe('6');
});

test('they are what is installed there, and nothing else', () => {
  expect((createRequire(`${folder}package.json`)('ioredis') as { Redis: unknown }).Redis).toBe(GivenRedis);
});
