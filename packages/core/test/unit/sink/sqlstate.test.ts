import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classify } from '../../../src/sink/postgres/sqlstate.js';

test.each([
  ['22001', 'row'],
  ['22P02', 'row'],
  ['23505', 'row'],
  ['23503', 'row'],
  ['23514', 'row'],
  ['44000', 'row'],
  ['P0001', 'row'],
  ['42804', 'row'],
  ['42601', 'row'],
  ['42622', 'row'],
  ['21000', 'row'],
  ['42501', 'table'],
  ['42P01', 'table'],
  ['42703', 'table'],
  ['57014', 'limit'],
  ['54000', 'limit'],
  ['54001', 'limit'],
  ['55P03', 'locked'],
  ['40001', 'restart'],
  ['40P01', 'restart'],
  ['08006', 'transient'],
  ['57P01', 'transient'],
  ['53100', 'transient'],
  ['53300', 'transient'],
  ['58030', 'transient'],
  ['XX000', 'transient'],
  ['25006', 'transient'],
  ['25P02', 'transient'],
  ['25P03', 'transient'],
  ['28P01', 'transient'],
  ['0A000', 'transient'],
  ['P0002', 'transient'],
  ['55000', 'transient'],
] as const)('H9: %s is of the kind %s', (sqlstate, kind) => {
  expect(classify(sqlstate)).toBe(kind);
});

test('H9: the table is total', () => {
  const kinds = ['row', 'table', 'limit', 'locked', 'restart', 'transient'];
  fc.assert(fc.property(fc.option(fc.string(), { nil: undefined }), (code) => kinds.includes(classify(code))));
  expect(classify('constructor')).toBe('transient');
});
