import { expect, test } from 'vitest';
import { picture } from '../src/display.js';

test('each page has a bar of its share, and the rows that were written are counted below', () => {
  const views = new Map([
    ['/', 100],
    ['/about', 200],
  ]);
  expect(picture(views, 200, 12, (text) => text)).toEqual([
    `/       ${'█'.repeat(20)}${' '.repeat(20)}   100 views`,
    `/about  ${'█'.repeat(40)}   200 views`,
    '12 rows written to PostgreSQL',
  ]);
});
