import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOneJson } from '../../../src/sink/postgres/plan/json-text.js';
import { whyNotReadable, whyNotWritable } from '../../../src/sink/postgres/plan/readable.js';
import { item, product } from './item.js';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('H19 (R20): what is concatenated is exactly one JSON text', () => {
  test.each(['1', '-0', '1.5e+7', '"a b"', '"a\\"b"', 'null', 'true', '{"a":[1,2]}', ' 1 ', '"\u2028"'])(
    '%s is one',
    (text) => {
      expect(isOneJson(text)).toBe(true);
    },
  );

  test.each([
    '',
    ' ',
    '1},{"i":0,"k0":"2"',
    '1,2',
    '"a","b"',
    '"a',
    'a"',
    '01',
    '+1',
    '.5',
    '1.',
    'NaN',
    '-',
    '1}',
    '"\n"',
    'nul',
  ])('%j is none, or more', (text) => {
    expect(isOneJson(text)).toBe(false);
  });

  test('as JSON.parse has it, of any text', () => {
    const piece = fc.constantFrom(
      '"',
      '\\',
      '}',
      ',',
      '{',
      ':',
      '[',
      ']',
      '1',
      '0',
      '-',
      '.',
      'e',
      'a',
      ' ',
      '\n',
      'null',
    );
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (each) => {
        expect(isOneJson(each)).toBe(parses(each));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a record is not readable with such a value or original', () => {
    expect(whyNotReadable({ values: { name: '1,2' }, originals: {} })).toContain('"name" is not one JSON text');
    expect(whyNotReadable({ values: {}, originals: { name: '' } })).toContain('"name" is not one JSON text');
    expect(whyNotReadable({ values: { name: '"a"' }, originals: { name: '1' } })).toBeUndefined();
  });

  test.each([
    [{ version: '007' }, 'The version is no whole number'],
    [{ base: '1,2' }, 'The base version is no whole number'],
    [{ version: '1\n' }, 'The version is no whole number'],
    [{ deltas: { stock: '007' } }, 'The difference of "stock" is no whole number'],
    [{ deltas: { stock: '1}' } }, 'The difference of "stock" is no whole number'],
  ])('nor is one writable with %j', (part, reason) => {
    const { record } = item('1', part);
    expect(whyNotWritable(record, ['1'], product)).toContain(reason);
  });

  test('a version that is no moment is none of a date', () => {
    const column = { property: 'version', name: 'version', type: 'timestamptz', read: 'direct' as const };
    const dated = { ...product, version: { column, kind: 'date' as const } };
    const reasonOf = (version: string) => whyNotWritable(item('1', { version }).record, ['1'], dated);
    expect(reasonOf('8640000000000000')).toBeUndefined();
    expect(reasonOf('8640000000000001')).toContain('no moment');
  });
});
