import { expect, test } from 'vitest';
import { numberText } from '../../bench/report/number-text.js';
import { markdownOf } from '../../bench/report/markdown.js';
import { linesOf } from '../../bench/report/print.js';
import { resultOf, type SideResult } from '../../bench/report/results.js';
import { quantile, ratiosOf, spreadOf } from '../../bench/report/statistics.js';
import { aligned } from '../../bench/report/table.js';
import type { Measurement } from '../../bench/plan/measurement.js';

test('a quantile lies between two figures by their distance', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([10, 20], 0.99)).toBeCloseTo(19.9);
  expect(quantile([7], 0.99)).toBe(7);
  expect(spreadOf([30, 10, 20])).toEqual({ median: 20, least: 10, most: 30 });
});

test('no figures have no quantile', () => {
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});

test('sides are compared round by round', () => {
  expect(ratiosOf([10, 30], [5, 10])).toEqual([2, 3]);
});

const measurement: Measurement = {
  id: 'P0',
  file: 'none',
  what: 'how fast a test is',
  sides: { ours: 'ours', plain: 'reference' },
  readings: { speed: { name: 'speed', unit: 'per s' }, p99: { name: 'p99', unit: 'ms' } },
  ratios: [
    { of: 'ours', to: 'plain', reading: 'speed', atLeast: 2, aim: 4 },
    { of: 'ours', to: 'plain', reading: 'p99', atMost: 1 },
    { of: 'ours', to: 'older', reading: 'speed', atLeast: 3 },
  ],
  limits: [
    { of: 'ours', reading: 'p99', atMost: 10 },
    { of: 'ours', reading: 'speed', atLeast: 5_000 },
  ],
};
const ours: SideResult = { side: 'ours', isOlder: false, figures: { speed: [3_000, 3_600], p99: [8, 10] } };
const plain: SideResult = { side: 'plain', isOlder: false, figures: { speed: [1_000, 1_200], p99: [4, 10] } };
const older: SideResult = { side: 'ours', isOlder: true, figures: { speed: [1_500, 1_200], p99: [8, 10] } };

test('a ratio is met or missed by its median', () => {
  expect(resultOf(measurement, [ours, plain]).ratios).toEqual([
    { ...measurement.ratios[0], median: 3, least: 3, most: 3, isMet: true },
    { ...measurement.ratios[1], median: 1.5, least: 1, most: 2, isMet: false },
  ]);
});

test('a side is compared with its older twin in every reading, with what is asked of it and without', () => {
  const toOlder = resultOf(measurement, [ours, plain, older]).ratios.filter(({ to }) => to === 'older');
  expect(toOlder.map(({ reading, median, isMet }) => [reading, median, isMet])).toEqual([
    ['speed', 2.5, false],
    ['p99', 1, undefined],
  ]);
});

test('a figure is met or missed by its median as well', () => {
  expect(resultOf(measurement, [ours, plain]).limits).toEqual([
    { of: 'ours', reading: 'p99', atMost: 10, median: 9, least: 8, most: 10, isMet: true },
    { of: 'ours', reading: 'speed', atLeast: 5_000, median: 3_300, least: 3_000, most: 3_600, isMet: false },
  ]);
});

test('a result is printed with its spread, and with what is asked of it', () => {
  expect(linesOf(resultOf(measurement, [ours, plain, older]))).toEqual([
    'P0: how fast a test is',
    '  side                speed                         p99',
    '  ours                3,300 per s (3,000 to 3,600)  9 ms (8 to 10)',
    '  plain               1,100 per s (1,000 to 1,200)  7 ms (4 to 10)',
    '  ours (older build)  1,350 per s (1,200 to 1,500)  9 ms (8 to 10)',
    '  ours / plain  speed  3 x (3 to 3)    at least 2, aim 4: met',
    '  ours / plain  p99    1.5 x (1 to 2)  at most 1: missed',
    '  ours / older  speed  2.5 x (2 to 3)  at least 3: missed',
    '  ours / older  p99    1 x (1 to 1)',
    '  ours          p99    9 ms            at most 10: met',
    '  ours          speed  3,300 per s     at least 5,000: missed',
  ]);
});

test('numbers have three digits, and thousands in groups', () => {
  expect([12_345.6, 99.96, 1.234, 0.012_34, 0].map(numberText)).toEqual(['12,346', '100', '1.23', '0.0123', '0']);
});

test('columns stand one below the other', () => {
  expect(
    aligned([
      ['a', 'bbb', 'c'],
      ['aaa', '', 'c'],
    ]),
  ).toEqual(['a    bbb  c', 'aaa       c']);
});

test('a run is a table in Markdown, with the command and the machine that made it', () => {
  const machine = {
    cores: '2',
    processor: 'fast',
    node: '24.0.0',
    postgres: '15.1',
    redis: '7.0.1',
    mikroOrm: '7.2.1',
    ioredis: '6.0.0',
  };
  const results = [resultOf(measurement, [ours, plain, older])];
  expect(markdownOf({ command: 'npm run bench', machine, rounds: 2, scale: 1, results })).toEqual([
    '`npm run bench`: 2 cores (fast), Node 24.0.0, PostgreSQL 15.1, Redis 7.0.1, MikroORM 7.2.1, ioredis 6.0.0. ' +
      'Median of 2 rounds.',
    '',
    '| measurement | Spillway | compared with | ratio | asked |',
    '| --- | --- | --- | --- | --- |',
    '| P0: ours, speed | 3,300 per s | plain: 1,100 per s | 3 x (3 to 3) | at least 2, aim 4: met |',
    '| P0: ours, p99 | 9 ms | plain: 7 ms | 1.5 x (1 to 2) | at most 1: missed |',
    '| P0: ours, speed | 3,300 per s | older build: 1,350 per s | 2.5 x (2 to 3) | at least 3: missed |',
    '| P0: ours, p99 | 9 ms | older build: 9 ms | 1 x (1 to 1) |  |',
    '| P0: ours, p99 | 9 ms |  |  | at most 10: met |',
    '| P0: ours, speed | 3,300 per s |  |  | at least 5,000: missed |',
  ]);
});
