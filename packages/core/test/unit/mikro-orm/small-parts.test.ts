import { describe, expect, test } from 'vitest';
import { commitOrder } from '../../../src/mikro-orm/describe/commit-order.js';
import { counterDelta, decimalText, unitsOf } from '../../../src/mikro-orm/values/counter-delta.js';
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
    expect(counterDelta(loaded, current, scale)).toBe(delta),
  );

  test('is unknown when one of the values is', () => {
    expect(counterDelta(undefined, 1, 0)).toBeUndefined();
    expect(counterDelta(1, null, 0)).toBeUndefined();
  });

  test('units are written as decimals', () => {
    expect([decimalText(-5n, 2), decimalText(125n, 2), decimalText(7n, 0)]).toEqual(['-0.05', '1.25', '7']);
  });

  test('what is no number is refused', () => expect(() => unitsOf('abc', 0)).toThrow('Not a decimal number: abc'));
});

describe('the key text', () => {
  test('is one for equal keys', () => {
    expect(keyText('bigint')?.(42)).toBe(keyText('integer')?.('42'));
    expect(keyText('uuid')?.('ABC')).toBe('abc');
    expect(keyText('varchar(20)')?.('a,"b')).toBe('a,"b');
    expect(keyText('numeric(10,2)')?.('10.5')).toBe(keyText('numeric(10,2)')?.('1.050e1'));
    expect(keyText('numeric(10)')?.(7)).toBe('7');
    expect(keyText('bytea')?.(new Uint8Array([0, 255]))).toBe(keyText('bytea')?.(Buffer.from('00ff', 'hex')));
    expect(keyText('timestamptz(3)', (moment) => (moment as Date).toISOString())?.(new Date(1))).toBe(
      '1970-01-01T00:00:00.001Z',
    );
  });

  test('does not exist for types whose equal values look different', () => {
    for (const type of ['numeric', 'char(5)', 'timestamptz', 'timestamptz(3)', 'date', 'real', 'text[]'])
      expect(keyText(type)).toBeUndefined();
    for (const type of ['timestamptz', 'timestamptz(6)', 'timestamp', 'date'])
      expect(keyText(type, String)).toBeUndefined();
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
