import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { CommitUnknown, SinkDown, SinkFault, SinkRestart } from '../../../src/sink/sink-failure.js';
import { KnownNames } from '../../../src/sink/postgres/known-names.js';
import { commitFailureOf, connectFailureOf, failureOf, faultOf } from '../../../src/sink/postgres/fault.js';

function answered(code: string, more: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('secret', 1, 'error'), { severity: 'ERROR', code, ...more });
}

const names = new KnownNames([]);
const RAISED = { routine: 'exec_stmt_raise', where: 'PL/pgSQL function refuse() line 3 at RAISE' };

describe('what a statement answers that writes rows', () => {
  test('is about its rows or its table while the connection lives, whatever the code', () => {
    expect(faultOf(answered('57P01'), { names, mayRestart: true })).toMatchObject({
      kind: 'around',
      sqlstate: '57P01',
    });
    expect(faultOf(answered('08001', RAISED), { names, mayRestart: true })).toEqual({
      kind: 'row',
      sqlstate: '08001',
      reason: 'SQLSTATE 08001: a trigger or function refuses the row',
      message: 'secret',
      origin: 'raised',
    });
  });

  test('is the end of the connection where PostgreSQL says so', () => {
    expect(() => faultOf(answered('57P01', { severity: 'FATAL' }), { names, mayRestart: true })).toThrow(
      expect.objectContaining({ name: 'SinkDown', state: 'stopping', sqlstate: '57P01' }),
    );
    expect(() => faultOf(answered('25P03', { severity: 'FATAL' }), { names, mayRestart: true })).toThrow(
      expect.objectContaining({ name: 'SinkDown', state: 'unreachable' }),
    );
    expect(() => faultOf(new Error('Connection terminated unexpectedly'), { names, mayRestart: true })).toThrow(
      SinkDown,
    );
  });

  test('is a wish to run the transaction again for as long as it may be', () => {
    expect(() => faultOf(answered('40P01'), { names, mayRestart: true })).toThrow(SinkRestart);
    expect(faultOf(answered('40P01'), { names, mayRestart: false })).toMatchObject({ kind: 'row', sqlstate: '40P01' });
  });
});

test('what a statement on our own tables answers is a state of the server, a reason to try again, or a fault', () => {
  expect(failureOf(answered('53100'))).toMatchObject({ name: 'SinkDown', state: 'disk-full' });
  expect(failureOf(answered('55P03'))).toBeInstanceOf(SinkRestart);
  expect(failureOf(answered('23505'))).toBeInstanceOf(SinkRestart);
  expect(failureOf(answered('XX000'))).toBeInstanceOf(SinkFault);
  expect(failureOf(answered('XX000')).message).not.toContain('secret');
});

test.each([
  ['28P01', 'refusing'],
  ['42501', 'refusing'],
  ['55000', 'refusing'],
  ['53300', 'too-many-connections'],
  ['57P03', 'starting'],
] as const)('a connection that is not opened because of %s is an outage: %s', (code, state) =>
  expect(connectFailureOf(answered(code, { severity: 'FATAL' }))).toMatchObject({ name: 'SinkDown', state }),
);

test('COMMIT that is refused has not happened; COMMIT that a dying server answers may have', () => {
  expect(commitFailureOf(answered('23514'))).toBeInstanceOf(SinkFault);
  expect(commitFailureOf(answered('57P01', { severity: 'FATAL' }))).toBeInstanceOf(CommitUnknown);
  expect(commitFailureOf(new Error('Connection terminated unexpectedly'))).toBeInstanceOf(CommitUnknown);
});
