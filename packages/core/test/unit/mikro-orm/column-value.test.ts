import { describe, expect, test } from 'vitest';
import {
  COLUMN_TYPES,
  columnValue,
  enumValue,
  type ColumnContent,
} from '../../../src/mikro-orm/values/column-value.js';

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
    ['float', 'double precision'],
    ['float(24)', 'real'],
    ['bit varying(10)', 'varbit(10)'],
  ])('%s is written as %s', (declared, type) => expect(column(declared).type).toBe(type));

  test.each(['geometry(Point,4326)', 'my_domain', 'my_domain[]', ''])('%j is not known', (type) =>
    expect(columnValue(type, 'other', utc)).toBeUndefined(),
  );

  test.each(['geometry(Point,4326)', 'shop."Mail"', 'my_domain[]'])(
    '%j is taken as it is where the property is a text',
    (type) => expect(column(type, 'string').type).toBe(type),
  );
});

describe('a value', () => {
  test.each([
    ['integer', -7, '-7', -7],
    ['bigint', '9007199254740993', '9007199254740993', '9007199254740993'],
    ['double precision', 1.5e300, '1.5e+300', 1.5e300],
    ['double precision', -0, '0', 0],
    ['double precision', 'abc', '"abc"', Number.NaN],
    ['double precision', '', '""', 0],
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
    ['text[]', '{a,"b\\"c"}', '"{a,\\"b\\\\\\"c\\"}"', ['a', 'b"c']],
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

describe('a moment', () => {
  test.each([
    ['-000043-03-15T12:00:00.000Z', '"0044-03-15T12:00:00.000Z BC"'],
    ['0000-06-01T00:00:00.000Z', '"0001-06-01T00:00:00.000Z BC"'],
    ['+012345-01-01T00:00:00.000Z', '"12345-01-01T00:00:00.000Z"'],
  ])('%s is written as PostgreSQL writes years', (iso, text) => {
    const date = new Date(iso);
    expect(column('timestamptz', 'Date').toText(date)).toBe(text);
    expect(column('timestamptz', 'Date').toRow(text)).toEqual(date);
    const local = column('timestamp', 'Date', { timestampsInUtc: false });
    expect(local.toRow(local.toText(date))).toEqual(date);
  });

  test.each([Infinity, -Infinity])('that never comes is the number %d', (never) => {
    const value = column('timestamptz', 'Date');
    expect(value.toRow(value.toText(never))).toBe(never);
    expect(value.isExact(value.toText(never))).toBe(true);
  });

  test.each([
    ['timestamptz(3)', '2026-01-02 03:04:05.6+01', '2026-01-02T02:04:05.600Z'],
    ['timestamptz', '2026-01-02 03:04:05.678901+01', '2026-01-02 03:04:05.678901+01'],
    ['timestamptz', '2026-01-02 03:04:05', '2026-01-02 03:04:05'],
    ['timestamp(3)', '2026-01-02 03:04:05', '2026-01-02T03:04:05.000'],
    ['timestamptz', 'tomorrow', 'tomorrow'],
  ])('of type %s given as the text %s is written as %s', (type, text, written) =>
    expect(column(type, 'Date').toText(text)).toBe(JSON.stringify(written)),
  );

  test('is read from what a conflict says the database has', () =>
    expect(
      ['"0044-03-15 12:00:00.5+00 BC"', '"2026-01-02 03:04:05.678901+05:30"', '"12345-01-01 00:00:00-03"'].map((text) =>
        column('timestamptz', 'Date').toRow(text),
      ),
    ).toEqual([
      new Date('-000043-03-15T12:00:00.500Z'),
      new Date('2026-01-01T21:34:05.678Z'),
      new Date('+012345-01-01T03:00:00.000Z'),
    ]));
});

describe('a pending value is read as it is', () => {
  test.each([
    ['integer', 1, true],
    ['integer', 'not a number', false],
    ['integer', 2.5, true],
    ['real', 0.123456, true],
    ['real', 1 / 3, false],
    ['real', Number.NaN, true],
    ['numeric', '1.50', true],
    ['numeric', '1e3', false],
    ['numeric', '007', false],
    ['numeric(5)', '2.5', true],
    ['numeric(5,-2)', '1234', false],
    ['numeric(10,2)', '-0.001', true],
    ['char(3)', 'EUR', true],
    ['char(3)', 'EU', false],
    ['varchar(2)', '🌊🌊', true],
    ['varchar(2)', 'abc', false],
    ['uuid', 'f47ac10b-58cc-4372-a567-0e02b2c3d479', true],
    ['uuid', 'no uuid', false],
    ['date', '2026-02-28', true],
    ['date', 'tomorrow', false],
    ['time', '23:59:59', true],
    ['time', '23:59:60', false],
    ['interval', '1 week', false],
    ['jsonb', '{}', true],
    ['text[]', '{a,"b c",NULL}', true],
    ['text[]', '{a, b}', false],
    ['text[]', '{null}', false],
    ['text[]', '{{a},{b}}', false],
    ['integer[]', '{1,-2}', true],
    ['integer[]', '{01}', false],
    ['boolean[]', '{true}', true],
  ])('of %s: %j: %s', (type, value, exact) => expect(column(type).isExact(column(type).toText(value))).toBe(exact));
});

test('a number is rounded as PostgreSQL rounds it into a column of whole ones', () => {
  expect(column('integer').toText(2.5)).toBe('3');
  expect(column('bigint').toText(-2.5)).toBe('-3');
});

test('half a surrogate pair becomes what the driver sends for it', () =>
  expect(column('text').toText('a\ud800')).toBe('"a\ufffd"'));

test('an object is no literal', () => {
  expect(() => column('point').toText({ x: 1, y: 2 })).toThrow(/object as its database value/);
  expect(column('varbit').toText(new Uint8Array([255]))).toBe('"\\\\xff"');
});

test('labels of an enumerated type are looked up by its quoted name', () => {
  expect(enumValue('shop.It"s', false).type).toBe('"shop"."It""s"');
  expect(enumValue('way', true).toRow('"{up,down}"')).toEqual(['up', 'down']);
});

describe('a column takes only values that PostgreSQL reads in one way', () => {
  test.each<[string, unknown]>([
    ['integer', 7],
    ['integer', 7.5],
    ['integer', '-7'],
    ['bigint', 2n ** 62n],
    ['double precision', '-12.5e3'],
    ['double precision', '.5'],
    ['real', 0],
    ['real', '0.000'],
    ['numeric(10,2)', '1e5'],
    ['numeric', 'NaN'],
    ['boolean', 'true'],
    ['uuid', '{F47AC10B58CC4372A5670E02B2C3D479}'],
    ['date', '2026-2-8'],
    ['date', '0044-03-15 BC'],
    ['date', 'infinity'],
    ['time', '23:59:60'],
    ['bytea', new Uint8Array([1])],
    ['jsonb', '{"a":1}'],
    ['text', 'tomorrow'],
    ['text[]', '{now,today}'],
    ['interval', '1 day'],
    ['money', 5],
    ['tstzrange', '[2026-01-01,)'],
  ])('%s takes %s', (type, value) => expect(column(type).takes(value)).toBe(true));

  test.each<[string, unknown]>([
    ['integer', ''],
    ['integer', '7.5'],
    ['integer', '0x10'],
    ['integer', '9'.repeat(21)],
    ['integer', true],
    ['integer', new Date(5)],
    ['double precision', ''],
    ['double precision', 'abc'],
    ['double precision', '12,50'],
    ['double precision', '1e400'],
    ['double precision', '1e-400'],
    ['double precision', true],
    ['double precision', [5]],
    ['double precision', Number.NaN],
    ['real', `0.${'1'.repeat(1_000)}`],
    ['numeric(10,2)', '1e20000000'],
    ['numeric(10,2)', '1e-20000000'],
    ['numeric(10,2)', '1'.repeat(1_001)],
    ['boolean', 1],
    ['boolean', 'yes'],
    ['uuid', 'abc'],
    ['text', 5],
    ['text', new Date(5)],
    ['text', {}],
    ['varchar(5)', true],
    ['date', 'tomorrow'],
    ['date', '01/02/2026'],
    ['time', 'now'],
    ['date[]', '{2026-01-01,Tomorrow}'],
    ['tstzrange', '[now,)'],
    ['tstzrange', '[2026-01-01, today)'],
    ['timestamptz', ' Now '],
    ['interval', 5],
    ['bit(3)', 1],
    ['money', 1e21],
    ['bytea', 'abc'],
    ['bytea', new Uint16Array([300])],
    ['bytea', [1, 2]],
    ['jsonb', [1]],
    ['text[]', 'abc'],
    ['text[]', ['a']],
  ])('%s does not take %s', (type, value) => expect(column(type).takes(value)).toBe(false));

  test.each<[unknown, boolean]>([
    [new Date(5), true],
    [Infinity, true],
    ['2026-01-02 03:04:05.6+01', true],
    [new Date(Number.NaN), false],
    [5, false],
    ['tomorrow', false],
    ['2026-01-02 03:04:05.678901', false],
  ])('a moment: %s: %s', (value, isTaken) => expect(column('timestamptz', 'Date').takes(value)).toBe(isTaken));

  test('null is taken by all', () => expect([...COLUMN_TYPES].filter((type) => !column(type).takes(null))).toEqual([]));
});

test('nothing that is pending keeps its row from being read, whatever is staged of it', () => {
  const types = [...COLUMN_TYPES].flatMap((type) => [type, `${type}[]`]);
  const texts = ['', 'abc', '{', '"', '[1', '2026-13-45', '99999999999999999999999', '\\xzz', 'NaN'];
  for (const type of types)
    for (const content of ['other', 'string', 'Date'] as const) {
      const value = columnValue(type, content, utc);
      for (const text of value ? texts : []) {
        expect(() => value?.toRow(JSON.stringify(text))).not.toThrow();
        expect(() => value?.isExact(JSON.stringify(text))).not.toThrow();
      }
    }
});
