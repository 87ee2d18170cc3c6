import { describe, expect, test } from 'vitest';
import { duration } from '../../src/output/duration.js';
import { Page } from '../../src/output/page.js';

const longText = 'a sentence that is far too long for what is left of a narrow terminal';
const ESCAPE = String.fromCodePoint(27);

describe('a page', () => {
  test('is lines with tabs where nobody has a terminal', () => {
    const page = new Page({ isInteractive: false, hasColour: false, width: 40 });
    page.table('letter', ['name', 'why'], [['one', longText]]).line('the end');
    expect(page.text).toBe(`letter\tone\t${longText}\nthe end`);
  });

  test('wraps the last column where the terminal is narrow, and no other', () => {
    const page = new Page({ isInteractive: true, hasColour: false, width: 60 });
    page.table('letter', ['name', 'why'], [['a-name-of-some-length', longText]]);
    const lines = page.text.split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(60);
    expect(page.text).toContain('a-name-of-some-length');
    expect(lines.length).toBeGreaterThan(5);
  });

  test('has no table without rows', () => {
    expect(new Page({ isInteractive: true, hasColour: true, width: 60 }).table('x', ['y'], []).text).toBe('');
  });

  test('is coloured only if the terminal has colours', () => {
    const coloured = new Page({ isInteractive: true, hasColour: true, width: 60 });
    expect(coloured.coloured('bad', 'down')).toBe(`${ESCAPE}[31mdown${ESCAPE}[39m`);
    const plain = new Page({ isInteractive: true, hasColour: false, width: 60 });
    expect(plain.coloured('bad', 'down')).toBe('down');
  });
});

test.each([
  [0, '0ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [60_000, '1m'],
  [200_000, '3m 20s'],
  [7_500_000, '2h 5m'],
])('%i milliseconds are shown as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
