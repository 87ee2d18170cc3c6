import { describe, expect, test } from 'vitest';
import { emptyRecord, type StagedRecord } from '../../../src/change/record.js';
import { judgeRow } from '../../../src/read/judge-row.js';
import type { Pending } from '../../../src/staging/look-side.js';

const update = (base: string, version: string, more: Partial<StagedRecord> = {}): StagedRecord => ({
  ...emptyRecord(),
  base,
  version,
  values: { name: '"new"' },
  ...more,
});
const inFlight = (record: StagedRecord): Pending => ({ inFlight: { record, token: 'T1' } });
const verdict = (pending: Pending | undefined, version: string | undefined, isBlind = false): string =>
  judgeRow(pending, version, isBlind).kind;

describe('a row that was read before it was looked up (H3)', () => {
  test('is as it is while nothing is known of it', () => {
    expect(verdict(undefined, '5')).toBe('as-is');
    expect(verdict(undefined, undefined, true)).toBe('as-is');
  });

  test('is read again if something newer was written in between', () => {
    expect(verdict({ recent: { version: '6', deleted: false } }, '5')).toBe('again');
    expect(verdict({ recent: { version: '6', deleted: false } }, '6')).toBe('as-is');
    expect(verdict({ recent: { version: '6', deleted: false } }, '7')).toBe('as-is');
    expect(verdict({ recent: { version: '10', deleted: false } }, '9')).toBe('again');
    expect(verdict({ recent: { version: '6', deleted: true } }, '7')).toBe('again');
  });

  test('is read again if what is pending goes on from something newer', () => {
    expect(verdict({ dirty: update('6', '7') }, '5')).toBe('again');
    expect(verdict({ ...inFlight(update('5', '6')), dirty: update('6', '7') }, '5')).toBe('lay');
    expect(verdict({ ...inFlight(update('5', '6')), dirty: update('6', '7') }, '6')).toBe('lay');
  });

  test('is laid over, unless it may have the change already', () => {
    expect(verdict({ dirty: update('5', '6') }, '5')).toBe('lay');
    expect(verdict(inFlight(update('5', '6')), '6')).toBe('again');
  });

  test('is read again where others may have made the version number (H15)', () => {
    expect(verdict({ dirty: update('5', '6') }, '6')).toBe('again');
    expect(verdict({ dirty: update('5', '6') }, '9')).toBe('again');
    expect(verdict({ dirty: update('5', '6', { doubtful: true }) }, '6')).toBe('as-is');
  });

  test('is gone if it is about to be deleted, and read again if it may live anew', () => {
    const deleted: StagedRecord = { ...emptyRecord(), kind: 'delete', base: '5' };
    expect(verdict({ dirty: deleted }, '5')).toBe('gone');
    expect(verdict({ dirty: deleted }, '6')).toBe('again');
    expect(verdict({ dirty: { ...deleted, base: 'conflict' } }, '5')).toBe('again');
  });

  test('is read again where no version tells: differences, rows without one, upserts', () => {
    expect(verdict({ dirty: { ...emptyRecord(), kind: 'increment', deltas: { n: '1' } } }, '5')).toBe('again');
    expect(verdict({ dirty: { ...emptyRecord(), values: { name: '"new"' } } }, undefined, true)).toBe('again');
    expect(verdict({ dirty: update('5', '6', { kind: 'upsert' }) }, '5')).toBe('again');
    expect(verdict({ recent: { deleted: false } }, undefined, true)).toBe('again');
    expect(verdict({ recent: { version: '5', deleted: false } }, '5', true)).toBe('again');
  });
});
