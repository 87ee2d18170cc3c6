import type { SpanContext } from '@opentelemetry/api';
import type { RowKey } from '@spillway/core';
import { expect, test } from 'vitest';
import { ProcessLinks } from '../../src/opentelemetry/links.js';
import { redisLinks, type LinkClient } from '../../src/opentelemetry/redis-links.js';

const rows = (...keys: readonly (string | number)[]): RowKey[] => keys.map((key) => `product:${key}` as RowKey);

function span(number: number): SpanContext {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: number.toString(16).padStart(16, '0'),
    traceFlags: 1,
  };
}

test('a span that has staged several rows is linked once, and a row is linked to its last span', () => {
  const links = new ProcessLinks();
  links.put('shop', rows(1, 2), span(1));
  links.put('shop', rows(2, 3), span(2));
  expect(links.take('shop', rows(1, 2, 3))).toEqual([span(1), span(2)]);
  expect(links.take('shop', rows(1, 2, 3))).toEqual([]);
});

test('rows of another namespace are others', () => {
  const links = new ProcessLinks();
  links.put('shop', rows(1), span(1));
  expect(links.take('other', rows(1))).toEqual([]);
});

test('a row is linked for a minute: after that, another process has flushed it', () => {
  let nowMs = 0;
  const links = new ProcessLinks(() => nowMs);
  links.put('shop', rows(1, 2), span(1));
  nowMs = 59_999;
  expect(links.take('shop', rows(1))).toEqual([span(1)]);
  nowMs = 60_000;
  expect(links.take('shop', rows(2))).toEqual([]);
});

test('at most 128 links are taken for a flush', () => {
  const links = new ProcessLinks();
  const keys = Array.from({ length: 200 }, (_, key) => key + 1);
  for (const key of keys) links.put('shop', rows(key), span(key));
  expect(links.take('shop', rows(...keys)).length).toBe(128);
  expect(links.take('shop', rows(...keys))).toEqual([]);
});

test('the oldest of more than 10,000 rows are forgotten', () => {
  const links = new ProcessLinks();
  links.put('shop', rows('first', 'second'), span(1));
  links.put('shop', rows('first'), span(2));
  links.put('shop', rows(...Array.from({ length: 9_999 }, (_, key) => key)), span(3));
  expect(links.take('shop', rows('second'))).toEqual([]);
  expect(links.take('shop', rows('first'))).toEqual([span(2)]);
});

/** A client that keeps what it is given, or fails. */
function client(fails = false): LinkClient & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    async set(key, value) {
      if (fails) throw new Error('no Redis');
      return Promise.resolve(kept.set(key, value));
    },
    async getdel(key) {
      if (fails) throw new Error('no Redis');
      const value = kept.get(key) ?? null;
      kept.delete(key);
      return Promise.resolve(value);
    },
  };
}

test('a link goes through Redis as a traceparent, and comes back as a remote span', async () => {
  const redis = client();
  const links = redisLinks(redis);
  links.put('shop', rows(1), span(255));
  expect([...redis.kept]).toEqual([
    ['spillway-link:shop:product:1', '00-0af7651916cd43dd8448eb211c80319c-00000000000000ff-01'],
  ]);
  expect(await links.take('shop', rows(1, 2))).toEqual([{ ...span(255), isRemote: true }]);
  expect(redis.kept.size).toBe(0);
});

test('what is no traceparent is no link, and a Redis that fails makes no error', async () => {
  const redis = client();
  redis.kept.set('spillway-link:shop:product:1', 'nonsense');
  expect(await redisLinks(redis).take('shop', rows(1))).toEqual([]);
  const broken = redisLinks(client(true));
  broken.put('shop', rows(1), span(1));
  expect(await broken.take('shop', rows(1))).toEqual([]);
});
