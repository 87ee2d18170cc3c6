import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { CommitUnknown, SinkDown, SinkFault, SinkRestart } from '../../../src/sink/sink-failure.js';
import { product } from './item.js';
import { KnownNames } from '../../../src/sink/postgres/known-names.js';
import {
  commitFailureOf,
  connectFailureOf,
  failureOf,
  faultOf,
  hookFailureOf,
} from '../../../src/sink/postgres/fault.js';

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

test('a connection that is refused is told in the words of PostgreSQL, which only a server chooses', () => {
  const refused = Object.assign(new pg.DatabaseError('password authentication failed for user "ada"', 1, 'error'), {
    severity: 'FATAL',
    code: '28P01',
  });
  expect(connectFailureOf(refused).message).toBe(
    'PostgreSQL refuses the connection: password authentication failed for user "ada" (SQLSTATE 28P01)',
  );
  expect(connectFailureOf(answered('3D000')).message).toBe('PostgreSQL refuses the connection: SQLSTATE 3D000');
  expect(failureOf(answered('57P01', { severity: 'FATAL' })).message).not.toContain('secret');
});

test('a server that cannot be reached by any of its addresses is told with all of them', () => {
  const refused = ['connect ECONNREFUSED ::1:1', 'connect ECONNREFUSED 127.0.0.1:1'].map((text) => new Error(text));
  expect(connectFailureOf(new AggregateError(refused))).toMatchObject({
    name: 'SinkDown',
    message: 'PostgreSQL cannot be reached: connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1',
  });
});

test('COMMIT that is refused has not happened; COMMIT that a dying server answers may have', () => {
  expect(commitFailureOf(answered('23514'))).toBeInstanceOf(SinkFault);
  expect(commitFailureOf(answered('57P01', { severity: 'FATAL' }))).toBeInstanceOf(CommitUnknown);
  expect(commitFailureOf(new Error('Connection terminated unexpectedly'))).toBeInstanceOf(CommitUnknown);
});

test('a hook for connections that fails is told by name, without what PostgreSQL says', () => {
  expect(hookFailureOf('onCreateConnection', answered('22023'))).toMatchObject({
    name: 'SinkDown',
    state: 'refusing',
    sqlstate: '22023',
    message:
      "onCreateConnection of the ORM has failed on a connection of Spillway's: PostgreSQL answered SQLSTATE 22023",
  });
  expect(hookFailureOf('onReserveConnection', answered('57P01'))).toMatchObject({ state: 'stopping' });
  expect(hookFailureOf('onReserveConnection', new Error('no tenant')).message).toContain('no tenant');
});

describe('a table that an error names is told', () => {
  const reasonFor = (table: typeof product, schema: string): string =>
    faultOf(answered('23514', { schema, table: 'product' }), { names: new KnownNames([table]), mayRestart: true })
      .reason;

  test('with its schema, if the metadata has both', () => {
    expect(reasonFor(product, 'shop')).toMatch(/ of table "shop"."product"$/);
    expect(reasonFor(product, 'secret')).not.toContain('product');
  });

  test('by its name, if the search path has found it where only the server knows', () => {
    const alongPath = { ...product, written: '"product"' };
    expect(reasonFor(alongPath, 'shop')).toMatch(/ of table "shop"."product"$/);
    expect(reasonFor(alongPath, 'secret')).toMatch(/ of table "product"$/);
    expect(reasonFor({ ...product, written: '"shop"."product"' }, 'secret')).not.toContain('product');
  });
});
