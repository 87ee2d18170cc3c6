import fc, { type Arbitrary } from 'fast-check';

/** Texts that are no value of most types, and that some way of reading them takes for another value. */
const TEXTS = [
  '',
  ' ',
  'abc',
  '12,50',
  '1e400',
  '1e-400',
  '-0',
  ' 7 ',
  '+7',
  '007',
  '7.5',
  '.5',
  '0x10',
  '1_000',
  '1e5',
  'NaN',
  'Infinity',
  '-infinity',
  'null',
  'NULL',
  'true',
  't',
  'yes',
  'on',
  '1',
  '0',
  '2026-02-30',
  '2026-13-01',
  '01/02/2026',
  '2026-01-01',
  '2026-01-01T00:00:00Z',
  '24:00:00',
  '25:00',
  '1 day',
  '{}',
  '{a,b}',
  '{1,2}',
  '[]',
  '"x"',
  '\\x41',
  'a\0b',
  '\ud800',
  'x'.repeat(300),
  'ab   ',
  'abcdef    ',
  'F47AC10B58CC4372A5670E02B2C3D479',
  '9223372036854775808',
  '-99999999999999999999999',
  '1'.repeat(2_000),
  `0.${'1'.repeat(2_000)}`,
  '1e20000000',
  '1e-20000000',
  '(1,2)',
] as const;

const OTHERS: readonly (() => unknown)[] = [
  () => 0,
  () => -0,
  () => 1,
  () => 5,
  () => 2.5,
  () => -2.5,
  () => 1e21,
  () => 1e308,
  () => 5e-324,
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => Number.NEGATIVE_INFINITY,
  () => true,
  () => false,
  () => 10n,
  () => 2n ** 70n,
  () => new Date(0),
  () => new Date(Number.NaN),
  () => Buffer.from('ab'),
  () => new Uint16Array([1, 300]),
  () => [],
  () => [1, 2],
  () => ['a'],
  () => [null],
  () => [[1]],
  () => ({}),
  () => ({ a: 1 }),
  () => () => 1,
];

/**
 * Values that nobody should give to a column, each made anew. What they are called stands in the messages of a test
 * that fails.
 */
export interface HostileValue {
  readonly label: string;
  readonly make: () => unknown;
}

export const HOSTILE_VALUES: readonly HostileValue[] = [
  ...TEXTS.map((text) => ({ label: JSON.stringify(text).slice(0, 40), make: () => text })),
  ...OTHERS.map((make) => ({ label: String(make).replace('() => ', '').slice(0, 40), make })),
];

/** Numbers, moments and words with something before, behind or between that does not belong there. */
export const HOSTILE_TEXT: Arbitrary<HostileValue> = fc
  .array(
    fc.constantFrom(
      '0',
      '7',
      '12',
      '.',
      ',',
      '-',
      '+',
      'e',
      'E',
      'x',
      '_',
      ' ',
      ':',
      'T',
      'Z',
      '{',
      '}',
      '"',
      '\\',
      'Inf',
      'true',
      '2026-01-02',
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))
  .map((text) => ({ label: JSON.stringify(text), make: () => text }));
