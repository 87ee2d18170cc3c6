import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classify, stateOf } from '../../../src/sink/postgres/sqlstate.js';

test.each([
  ['22001', 'row'],
  ['22P02', 'row'],
  ['23505', 'row'],
  ['23503', 'row'],
  ['23514', 'row'],
  ['44000', 'row'],
  ['P0001', 'row'],
  ['P0002', 'row'],
  ['P0004', 'row'],
  ['38000', 'row'],
  ['2F002', 'row'],
  ['45000', 'row'],
  ['SH001', 'row'],
  ['XX000', 'row'],
  ['28P01', 'row'],
  ['42804', 'row'],
  ['42601', 'row'],
  ['42622', 'row'],
  ['21000', 'row'],
  ['25P02', 'row'],
  ['42501', 'table'],
  ['42P01', 'table'],
  ['42703', 'table'],
  ['3F000', 'table'],
  ['0A000', 'around'],
  ['55000', 'around'],
  ['08001', 'around'],
  ['53100', 'around'],
  ['53200', 'around'],
  ['53300', 'around'],
  ['57P03', 'around'],
  ['58030', 'around'],
  ['HV000', 'around'],
  ['25006', 'around'],
  ['XX001', 'around'],
  ['57014', 'limit'],
  ['54000', 'limit'],
  ['54001', 'limit'],
  ['55P03', 'locked'],
  ['40001', 'restart'],
  ['40P01', 'restart'],
] as const)('H9: %s of a statement is of the kind %s', (sqlstate, kind) => {
  expect(classify(sqlstate, 'statement')).toBe(kind);
});

test.each(['SH001', '08001', '57P03', '53100', '25006', '42501', '42P01', '55P03', '57014', '54000', '0A000'])(
  '%s is about a row where a function raises it by itself',
  (sqlstate) => expect(classify(sqlstate, 'raised')).toBe('row'),
);

test('what asks for the whole transaction again does so wherever it comes from', () => {
  for (const origin of ['raised', 'function', 'statement'] as const) {
    expect([classify('40001', origin), classify('40P01', origin)]).toEqual(['restart', 'restart']);
  }
});

test('a table that a function misses is no reason to leave all rows of the table that calls it', () => {
  expect(classify('42P01', 'function')).toBe('around');
  expect(classify('42703', 'function')).toBe('around');
});

test('H9: the table is total, and no code is an outage of its own', () => {
  const kinds = ['row', 'table', 'around', 'limit', 'locked', 'restart'];
  const origins = fc.constantFrom('raised' as const, 'function' as const, 'statement' as const);
  fc.assert(fc.property(fc.string(), origins, (code, origin) => kinds.includes(classify(code, origin))));
  expect(classify('constructor', 'statement')).toBe('row');
});

test.each([
  ['08006', 'unreachable'],
  ['28P01', 'refusing'],
  ['3D000', 'refusing'],
  ['53100', 'disk-full'],
  ['53200', 'out-of-memory'],
  ['53300', 'too-many-connections'],
  ['57P01', 'stopping'],
  ['57P02', 'stopping'],
  ['57P03', 'starting'],
  ['25006', 'read-only'],
  ['40001', undefined],
  ['XX000', undefined],
  ['constructor', undefined],
] as const)('the state of a server that answers %s to everybody is %s', (sqlstate, state) =>
  expect(stateOf(sqlstate)).toBe(state),
);
