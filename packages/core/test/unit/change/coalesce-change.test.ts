import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { coalesceChange, type RowState } from '../../../src/change/coalesce-change.js';
import { makeChange, makeRecord } from './make-record.js';

const stamp = { sequence: 7, nowMs: 70 };
const coalesce = (row: RowState, change: Partial<Change>) => coalesceChange(row, makeChange(change), stamp);
const LARGEST = '9223372036854775807';

describe('an insert and its delete', () => {
  const dirty = makeRecord({ kind: 'insert', version: '1' });

  test('are nothing if nothing or a delete is in flight (C4)', () => {
    expect(coalesce({ dirty }, { kind: 'delete', base: '1' })).toEqual({ status: 'nothing' });
    const inFlight = makeRecord({ kind: 'delete' });
    expect(coalesce({ dirty, inFlight }, { kind: 'delete', base: '1' })).toEqual({ status: 'nothing' });
  });

  test('are a delete if anything else is in flight (C4)', () => {
    const inFlight = makeRecord({ kind: 'update' });
    expect(coalesce({ dirty, inFlight }, { kind: 'delete', base: '1' })).toMatchObject({
      record: { kind: 'delete', base: '1' },
    });
  });
});

describe('originals', () => {
  test('are those of the older change where both have one', () => {
    const dirty = makeRecord({ values: { a: '2' }, originals: { a: '1' } });
    expect(coalesce({ dirty }, { values: { a: '3', b: '5' }, originals: { a: '2', b: '4' } })).toMatchObject({
      record: { originals: { a: '1', b: '4' } },
    });
  });

  test('are not taken from what was only staged', () => {
    const dirty = makeRecord({ values: { a: '2' }, deltas: { n: '1' } });
    expect(coalesce({ dirty }, { values: { a: '3', n: '9' }, originals: { a: '2', n: '8' } })).toMatchObject({
      record: { originals: {} },
    });
  });

  test('are not kept by what compares nothing', () => {
    expect(coalesce({}, { kind: 'upsert', values: { a: '3' }, originals: { a: '2' } })).toMatchObject({
      record: { originals: {} },
    });
  });
});

describe('a version', () => {
  test('never stands still: two changes in one millisecond get two versions', () => {
    const dirty = makeRecord({ base: '1700000000000', version: '1700000000005' });
    expect(coalesce({ dirty }, { base: '1700000000005', version: '1700000000005' })).toMatchObject({
      record: { version: '1700000000006' },
    });
  });

  test('is raised by a change without one, because whoever holds the older has not seen it', () => {
    const dirty = makeRecord({ base: '5', version: '6' });
    expect(coalesce({ dirty }, { values: { a: '1' } })).toMatchObject({ record: { base: '5', version: '7' } });
    expect(coalesce({ dirty }, { kind: 'increment', deltas: { n: '1' } })).toMatchObject({
      record: { base: '5', version: '6' },
    });
  });

  test('has an end', () => {
    expect(coalesce({ recent: { version: LARGEST, deleted: true } }, { kind: 'insert', version: '1' })).toEqual({
      status: 'refused',
      reason: 'overflow',
    });
  });

  test('of ten is above nine', () => {
    expect(coalesce({ recent: { version: '9', deleted: false } }, { base: '10', version: '11' })).toMatchObject({
      status: 'dirty',
    });
    expect(coalesce({ recent: { version: '10', deleted: false } }, { base: '9', version: '10' })).toEqual({
      status: 'refused',
      reason: 'stale',
      version: '10',
    });
  });
});

describe('a counter', () => {
  test('that is assigned starts from there', () => {
    const dirty = makeRecord({ kind: 'increment', deltas: { n: '4', m: '1' } });
    expect(coalesce({ dirty }, { values: { n: '10' }, deltas: { n: '2' } })).toMatchObject({
      record: { kind: 'update', values: { n: '10' }, deltas: { n: '2', m: '1' } },
    });
  });

  test('is refused when its sum with what is in flight leaves 64 bits, since that may come back', () => {
    const inFlight = makeRecord({ kind: 'increment', deltas: { n: LARGEST } });
    expect(coalesce({ inFlight }, { kind: 'increment', deltas: { n: '1' } })).toEqual({
      status: 'refused',
      reason: 'overflow',
    });
    expect(coalesce({ inFlight }, { values: { n: '0' }, deltas: { n: '1' } })).toMatchObject({ status: 'dirty' });
  });
});
