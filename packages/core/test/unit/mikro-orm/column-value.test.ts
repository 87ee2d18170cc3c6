import { describe, expect, test } from 'vitest';
import { columnValue, type ColumnContent } from '../../../src/mikro-orm/column-value.js';

const utc = { timestampsInUtc: true };

function column(type: string, content: ColumnContent = 'other', options = utc) {
  const value = columnValue(type, content, options);
  if (!value) throw new Error(`no value for ${type}`);
  return value;
}

describe('the type of a column', () => {
  test.each([
    ['int', 'integer'],
    ['serial', 'integer'],
    ['BIGSERIAL', 'bigint'],
    ['character varying (20)', 'varchar(20)'],
    ['decimal(10, 2)', 'numeric(10,2)'],
    ['timestamp(3) with time zone', 'timestamptz(3)'],
    ['timestamp with time zone', 'timestamptz'],
    ['int[]', 'integer[]'],
  ])('%s is written as %s', (declared, type) => expect(column(declared).type).toBe(type));

  test.each(['tsrange', 'geometry(Point,4326)', 'my_domain', ''])('%j is not known', (type) =>
    expect(columnValue(type, 'other', utc)).toBeUndefined(),
  );
});

describe('a value', () => {
  test.each([
    ['integer', -7, '-7', -7],
    ['bigint', '9007199254740993', '9007199254740993', '9007199254740993'],
    ['double precision', 1.5e300, '1.5e+300', 1.5e300],
    ['double precision', -0, '-0', -0],
    ['double precision', Number.NaN, '"NaN"', Number.NaN],
    ['real', Number.NEGATIVE_INFINITY, '"-Infinity"', Number.NEGATIVE_INFINITY],
    ['boolean', false, 'false', false],
    ['numeric(10,2)', '1.50', '"1.50"', '1.50'],
    ['text', 'a "quoted" \\ line\n', '"a \\"quoted\\" \\\\ line\\n"', 'a "quoted" \\ line\n'],
    ['text', 'null', '"null"', 'null'],
    [
      'uuid',
      'F47AC10B-58CC-4372-A567-0E02B2C3D479',
      '"f47ac10b-58cc-4372-a567-0e02b2c3d479"',
      'f47ac10b-58cc-4372-a567-0e02b2c3d479',
    ],
    [
      'timestamptz',
      new Date('2026-01-02T03:04:05.678Z'),
      '"2026-01-02T03:04:05.678Z"',
      new Date('2026-01-02T03:04:05.678Z'),
    ],
    [
      'timestamptz(0)',
      new Date('2026-01-02T03:04:05.678Z'),
      '"2026-01-02T03:04:06.000Z"',
      new Date('2026-01-02T03:04:06.000Z'),
    ],
    [
      'timestamp',
      new Date('2026-01-02T03:04:05.678Z'),
      '"2026-01-02T03:04:05.678"',
      new Date('2026-01-02T03:04:05.678Z'),
    ],
    ['date', '2026-01-02', '"2026-01-02"', '2026-01-02'],
    ['text[]', '{a,"b\\"c"}', '"{a,\\"b\\\\\\"c\\"}"', '{a,"b\\"c"}'],
    ['bytea', Buffer.from([0, 255]), '"\\\\x00ff"', Buffer.from([0, 255])],
    ['jsonb', '{"a":[1,null]}', '"{\\"a\\":[1,null]}"', { a: [1, null] }],
    ['jsonb', '"text"', '"\\"text\\""', 'text'],
  ])('of %s: %j becomes %s and comes back', (type, value, text, row) => {
    const content = value instanceof Date ? 'Date' : 'other';
    expect(column(type, content).toText(value)).toBe(text);
    expect(column(type, content).toRow(text)).toStrictEqual(row);
  });

  test('null is null in every type', () => {
    for (const type of ['integer', 'text', 'jsonb', 'bytea', 'timestamptz', 'text[]']) {
      expect(column(type).toText(null)).toBe('null');
      expect(column(type).toRow('null')).toBeNull();
    }
  });

  test('of a timestamp without time zone is local time where the ORM says so', () => {
    const noon = new Date(2026, 5, 1, 12, 0, 0, 0);
    expect(column('timestamp', 'Date', { timestampsInUtc: false }).toText(noon)).toBe('"2026-06-01T12:00:00.000"');
  });
});
