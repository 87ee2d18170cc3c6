import { expect, test } from 'vitest';
import { Alone } from '../../../src/staging/redis/durability/alone.js';

test('a server is alone for as long as each look has found no replica', () => {
  const alone = new Alone(30);
  expect(alone.hasLasted(100)).toBe(false);
  alone.note(0, 100);
  alone.note(0, 120);
  expect([alone.hasLasted(129), alone.hasLasted(130)]).toEqual([false, true]);
  alone.note(1, 140);
  alone.note(0, 150);
  expect([alone.hasLasted(179), alone.hasLasted(180)]).toEqual([false, true]);
});

test('a server that does not tell its replicas is not alone', () => {
  const alone = new Alone(30);
  alone.note(undefined, 100);
  expect(alone.hasLasted(200)).toBe(false);
});

test('between two looks that are far apart there may have been a replica', () => {
  const alone = new Alone(30);
  alone.note(0, 100);
  alone.note(0, 161);
  expect([alone.hasLasted(190), alone.hasLasted(191)]).toEqual([false, true]);
});
