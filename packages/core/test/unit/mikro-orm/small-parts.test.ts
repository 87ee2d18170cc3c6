import { describe, expect, test } from 'vitest';
import { commitOrder } from '../../../src/mikro-orm/describe/describe-references.js';
import { counterDelta, decimalText, exactUnitsOf, unitsOf } from '../../../src/mikro-orm/values/counter-delta.js';
import { defaultValue } from '../../../src/mikro-orm/describe/default-value.js';
import { keyText } from '../../../src/mikro-orm/values/key-text.js';
import { nextVersion, versionText, versionValue } from '../../../src/mikro-orm/values/version-text.js';

describe('the difference of a counter', () => {
  test.each([
    [1, 4, 0, '3'],
    ['9007199254740993', '9007199254740995', 0, '2'],
    ['1.25', '1.00', 2, '-25'],
    ['-0.05', '0.05', 2, '10'],
    [0.1, 0.3, 1, '2'],
    ['1.005', '0', 2, '-101'],
    [1e3, '1.5e3', 0, '500'],
  ])('from %s to %s at scale %d is %s', (loaded, current, scale, delta) =>
    expect(counterDelta(loaded, current, { scale, column: { takes: () => true } })).toBe(delta),
  );

  test('is unknown when one of the values is', () => {
    const counter = { scale: 0, column: { takes: () => true } };
    expect(counterDelta(undefined, 1, counter)).toBeUndefined();
    expect(counterDelta(1, null, counter)).toBeUndefined();
    expect(counterDelta('NaN', 1, counter)).toBeUndefined();
  });

  test('is unknown when the column does not take the new value, or the difference leaves 64 bits', () => {
    expect(counterDelta(1, '2', { scale: 0, column: { takes: () => false } })).toBeUndefined();
    expect(counterDelta(0, 2n ** 63n, { scale: 0, column: { takes: () => true } })).toBeUndefined();
    expect(counterDelta(1, 2n ** 63n, { scale: 0, column: { takes: () => true } })).toBe(String(2n ** 63n - 1n));
  });

  test('units are written as decimals', () => {
    expect([decimalText(-5n, 2), decimalText(125n, 2), decimalText(7n, 0)]).toEqual(['-0.05', '1.25', '7']);
  });

  test.each(['abc', '', '.', '+', '1e', '1_000', '0x10', ' 7', true, null, [5], new Date(0)])(
    '%j has no units: it is no number',
    (value) => expect(unitsOf(value, 2)).toBeUndefined(),
  );

  test.each([
    [3, 0, 3n],
    [-3, 2, -300n],
    [-0, 2, 0n],
    [1.5, 1, 15n],
    ['1.50', 1, 15n],
    ['1.5e1', 0, 15n],
    ['100', -2, 1n],
    [100, -2, 1n],
    [10n, 3, 10_000n],
    [2 ** 53 - 1, 1, 90_071_992_547_409_910n],
  ])('%s is exact at scale %d: %d units', (value, scale, units) => expect(exactUnitsOf(value, scale)).toBe(units));

  test.each([
    [1.5, 0],
    ['1.05', 1],
    [150, -2],
    ['1e-1500', 2],
    ['0.001', 0],
    ['no number', 0],
    [Number.NaN, 0],
  ])('%s is not exact at scale %d', (value, scale) => expect(exactUnitsOf(value, scale)).toBeUndefined());
});

describe('the key text', () => {
  const textOf = (type: string, value: unknown): string | undefined => keyText(type)?.(value)?.text;

  test('is one for equal keys', () => {
    expect(textOf('bigint', 42)).toBe(textOf('integer', '42'));
    expect(textOf('uuid', 'F47AC10B58CC4372A5670E02B2C3D479')).toBe('f47ac10b-58cc-4372-a567-0e02b2c3d479');
    expect(textOf('varchar(20)', 'a,"b')).toBe('a,"b');
    expect(textOf('text', 'a\ud800')).toBe('a\ufffd');
    expect(textOf('numeric(10,2)', '10.5')).toBe(textOf('numeric(10,2)', '1.050e1'));
    expect(textOf('numeric(10)', 7)).toBe('7');
    expect(textOf('bytea', new Uint8Array([0, 255]))).toBe(textOf('bytea', Buffer.from('00ff', 'hex')));
    expect(
      keyText('timestamptz(3)', (moment) => ({ text: (moment as Date).toISOString(), isExact: true }))?.(new Date(1)),
    ).toEqual({
      text: '1970-01-01T00:00:00.001Z',
      isExact: true,
    });
  });

  test('does not exist for types whose equal values look different', () => {
    for (const type of ['numeric', 'char(5)', 'timestamptz', 'timestamptz(3)', 'real', 'text[]'])
      expect(keyText(type)).toBeUndefined();
    for (const type of ['timestamptz', 'timestamptz(6)', 'timestamp', 'date'])
      expect(keyText(type, (value) => ({ text: String(value), isExact: true }))).toBeUndefined();
  });

  test.each([
    ['integer', ''],
    ['integer', '\n'],
    ['integer', 'abc'],
    ['integer', '0x10'],
    ['integer', '1e5'],
    ['integer', 7.5],
    ['integer', 2 ** 31],
    ['smallint', 40_000],
    ['bigint', 2n ** 63n],
    ['bigint', '9'.repeat(21)],
    ['numeric(10,2)', ''],
    ['numeric(10,2)', '1e20000000'],
    ['numeric(10,2)', '1e-20000000'],
    ['numeric(10,2)', '123456789.00'],
    ['uuid', 'ABC'],
    ['uuid', 7],
    ['text', 7],
    ['text', 'a\0b'],
    ['varchar(2)', 'abc'],
    ['bytea', '\\x00'],
  ])('does not exist for what no %s is: %s', (type, value) => expect(keyText(type)?.(value)).toBeUndefined());

  test('is not exact where the column rounds', () => {
    expect(keyText('numeric(10,2)')?.('1.005')).toEqual({ text: '1.01', isExact: false });
    expect(keyText('numeric(10,2)')?.('1.000')).toEqual({ text: '1.00', isExact: true });
  });
});

describe('a version', () => {
  test('of numbers counts up', () => {
    expect(nextVersion(undefined, 'integer', 0)).toBe('1');
    expect(nextVersion('9007199254740993', 'integer', 0)).toBe('9007199254740994');
  });

  test('of dates is now, but always later than the one before', () => {
    expect(nextVersion('1000', 'date', 5000)).toBe('5000');
    expect(nextVersion('5000', 'date', 5000)).toBe('5001');
    expect(nextVersion('9000', 'date', 5000)).toBe('9001');
  });

  test.each([
    ['integer', ''],
    ['integer', 'abc'],
    ['integer', '1e5'],
    ['integer', 1.5],
    ['integer', Number.NaN],
    ['integer', true],
    ['integer', new Date(5)],
    ['integer', '9'.repeat(1_000)],
    ['integer', 2n ** 63n],
    ['date', new Date(Number.NaN)],
    ['date', 'abc'],
    ['date', '5'],
    ['date', true],
  ] as const)('of kind %s is not %s', (kind, value) => expect(versionText(value, kind)).toBeUndefined());

  test('goes to the entity and back', () => {
    expect(versionValue('7', 'integer')).toBe(7);
    expect(versionText(versionValue('1700000000123', 'date'), 'date')).toBe('1700000000123');
    expect(versionText('2026-01-01T00:00:00.001Z', 'date')).toBe(String(Date.UTC(2026, 0, 1, 0, 0, 0, 1)));
    expect(versionText(undefined, 'integer')).toBeUndefined();
  });
});

describe('the commit order', () => {
  const references = (entries: Record<string, string[]>) =>
    new Map(Object.entries(entries).map(([table, parents]) => [table, new Set(parents)]));

  test('has parents before their children', () => {
    const result = commitOrder(
      references({ line: ['order', 'product'], order: ['customer'], customer: [], product: [] }),
    );
    if (!('order' in result)) throw new Error('no order');
    const at = (table: string): number => result.order.get(table) ?? -1;
    expect(at('customer')).toBeLessThan(at('order'));
    expect(Math.max(at('order'), at('product'))).toBeLessThan(at('line'));
  });

  test('does not mind a table that refers to itself', () =>
    expect(commitOrder(references({ node: ['node'] }))).toHaveProperty('order'));

  test('names a cycle', () =>
    expect(commitOrder(references({ a: ['b'], b: ['c'], c: ['a'] }))).toEqual({ cycle: ['a', 'b', 'c', 'a'] }));
});

describe('the default of a column', () => {
  test.each([
    ['null', null],
    ['true', true],
    ["'it''s'", "it's"],
    ['-1.5', '-1.5'],
  ])('%s is made when staged', (expression, value) => expect(defaultValue(expression)?.()).toEqual(value));

  test('now() and gen_random_uuid() are evaluated', () => {
    expect(defaultValue('now()')?.()).toBeInstanceOf(Date);
    expect(defaultValue('CURRENT_TIMESTAMP(3)')?.()).toBeInstanceOf(Date);
    expect(defaultValue('gen_random_uuid()')?.()).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('that only the database can evaluate is not', () => expect(defaultValue("nextval('s')")).toBeUndefined());
});
