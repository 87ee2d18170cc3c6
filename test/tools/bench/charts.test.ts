import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { barChart } from '../../bench/report/charts/bars.js';
import { chartOf, overviewOf, writeCharts } from '../../bench/report/charts/charts.js';
import { element, escaped } from '../../bench/report/charts/svg.js';
import { themes } from '../../bench/report/charts/theme.js';
import { resultOf } from '../../bench/report/results.js';

const result = resultOf(
  {
    id: 'P0',
    file: 'none',
    what: 'how fast a <test> is',
    sides: { ours: 'ours', plain: 'reference' },
    readings: { speed: { name: 'speed', unit: 'per s' }, p99: { name: 'p99', unit: 'ms' } },
    ratios: [
      { of: 'ours', to: 'plain', reading: 'speed', atLeast: 2 },
      { of: 'ours', to: 'plain', reading: 'p99', atMost: 1 },
    ],
  },
  [
    { side: 'ours', isOlder: false, figures: { speed: [30, 40, 50], p99: [8, 8, 8] } },
    { side: 'plain', isOlder: false, figures: { speed: [10, 10, 10], p99: [4, 4, 4] } },
  ],
);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

test('an element has its attributes and what it contains, and text is escaped', () => {
  expect(element('g', { x: 1, label: 'a "b"' }, element('line', {}), escaped('1 < 2 & 3'))).toBe(
    '<g x="1" label="a &quot;b&quot;"><line/>1 &lt; 2 &amp; 3</g>',
  );
});

test('a chart has a bar for each ratio, with its spread and what is asked of it', () => {
  expect(chartOf(result)).toMatchObject({
    title: 'P0',
    bars: [
      { label: 'ours / plain', note: 'speed; at least 2: met', median: 4, least: 3, most: 5, wish: 2 },
      { label: 'ours / plain', note: 'p99, less is better; at most 1: missed', median: 2, wish: 1 },
    ],
  });
  expect(overviewOf([result])?.bars.map(({ label }) => label)).toEqual(['P0: ours / plain']);
});

test('what compares nothing has no chart', () => {
  expect(chartOf({ ...result, ratios: [] })).toBeUndefined();
  expect(overviewOf([])).toBeUndefined();
});

test('bars are as long as their ratios, and nothing leaves the picture', () => {
  const chart = chartOf(result);
  if (!chart) throw new Error('There is no chart.');
  const svg = barChart(chart, themes.light);
  expect(svg).toContain('how fast a &lt;test&gt; is');
  const [, first = 0, second = 0] = [...svg.matchAll(/<rect [^>]*?width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  expect(first / second).toBeCloseTo(2, 1);
  const places = [...svg.matchAll(/ x[12]?="([\d.-]+)"/g)].map(([, place]) => Number(place));
  expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...places)).toBeLessThan(820);
});

test('charts are written for light and for dark pages', () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'spillway-charts-')), 'new');
  folders.push(path.dirname(folder));
  writeCharts(folder, [result]);
  const files = ['overview-dark.svg', 'overview-light.svg', 'p0-dark.svg', 'p0-light.svg'];
  expect(readdirSync(folder).toSorted()).toEqual(files);
});

test.each(Object.entries(themes))('text of the %s theme is readable on its background', (_, theme) => {
  for (const colour of [theme.text, theme.faint])
    expect(contrast(colour, theme.background)).toBeGreaterThanOrEqual(4.5);
});

/** As WCAG 2 defines it. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((from) => {
    const share = Number.parseInt(colour.slice(from, from + 2), 16) / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
