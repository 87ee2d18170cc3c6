import { inspect } from 'node:util';
import { OptimisticLockError } from '@mikro-orm/core';
import pg from 'pg';
import { expect, test } from 'vitest';
import { bareError } from '../../src/bare-error.js';
import { SpillwayError } from '../../src/errors.js';
import { printable } from '../../src/printable.js';

const CANARY = 'canary-7f3a';

/** Everything that anybody could print of it. */
function printed(error: unknown): string {
  const { message, stack, ...fields } = error as Error;
  return [inspect(error, { depth: Infinity, showHidden: true }), message, stack, JSON.stringify(fields)].join('\n');
}

const withFields = (error: Error, fields: object): Error => Object.assign(error, fields);

const ofRedis = (): Error =>
  withFields(new Error('WRONGPASS invalid username-password pair'), { command: { name: 'auth', args: [CANARY] } });

const ofPostgres = (): Error =>
  withFields(new pg.DatabaseError(`duplicate key: ${CANARY}\n    at ${CANARY} (x)`, 10, 'error'), {
    code: '23505',
    severity: 'ERROR',
    detail: `Key (name)=(${CANARY}) already exists.`,
    where: CANARY,
    constraint: CANARY,
    query: `insert into t values ('${CANARY}')`,
    parameters: [CANARY],
  });

test.each<[string, () => Error]>([
  ['a command with its arguments', ofRedis],
  ['what PostgreSQL quotes, and the statement', ofPostgres],
  ['the same within a cause', () => new Error('outer', { cause: new Error('middle', { cause: ofPostgres() }) })],
  ['the same within an AggregateError', () => new AggregateError([ofRedis(), ofPostgres()], 'all failed')],
  ['the error of the last node', () => withFields(new Error('Failed'), { lastNodeError: ofRedis() })],
  [
    'the arguments of a command that Redis does not know',
    () => new Error(`ERR unknown command 'x', with args beginning with: '${CANARY}' `),
  ],
  ['the text that a parser quotes', () => parserError()],
  [
    'an address that is refused',
    () => withFields(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: `redis://:${CANARY}@h` }),
  ],
])('an error leaves without %s', (_, given) => {
  expect(printed(given())).toContain(CANARY);
  expect(printed(bareError(given()))).not.toContain(CANARY);
  expect(printed(new SpillwayError('STOPPED', 'Stopped', { cause: given() }))).not.toContain(CANARY);
});

function parserError(): Error {
  try {
    BigInt(CANARY);
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was read');
}

test('what names the error stays: its class, its code, its message where that is no value, where it was made', () => {
  const error = bareError(ofPostgres(), 'SQLSTATE 23505: a unique value is taken');
  expect(error).toBeInstanceOf(pg.DatabaseError);
  expect(error).toMatchObject({ code: '23505', severity: 'ERROR', message: 'SQLSTATE 23505: a unique value is taken' });
  const refused = withFields(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
  });
  expect(bareError(refused)).toMatchObject({ message: refused.message, code: 'ECONNREFUSED', syscall: 'connect' });
  expect(bareError(refused).stack).toContain('bare-error.test.ts');
  expect(bareError(new AggregateError([refused], 'all')).cause).toBeUndefined();
  expect((bareError(new AggregateError([refused], 'all')) as AggregateError).errors).toHaveLength(1);
});

test('an error of Spillway is told as it is, and one of a stale version is still of its class', () => {
  const own = new SpillwayError('STOPPED', 'Stopped');
  expect(bareError(own)).toBe(own);
  const stale = new SpillwayError('STAGING_PARTIAL', 'In part', {
    cause: OptimisticLockError.lockFailed({ secret: CANARY } as never),
  });
  expect(stale.cause).toBeInstanceOf(OptimisticLockError);
  expect(printed(stale)).not.toContain(CANARY);
});

test('errors that are each other’s cause have an end', () => {
  const one = new Error('one');
  one.cause = new Error('two', { cause: one });
  expect(bareError(one)).toMatchObject({ message: 'one', cause: { message: 'two' } });
});

test('a message is one line, whatever it is made of', () => {
  expect(printable('a\nb\u001b[31m\u2028\u202ec\ud800')).toBe('a\\u000ab\\u001b[31m\\u2028\\u202ec\\ud800');
  expect(printable('Größe 東京 🙂')).toBe('Größe 東京 🙂');
  expect(printable('x'.repeat(10_000)).length).toBeLessThan(4_100);
  expect(new SpillwayError('STOPPED', 'a\nb').message).toBe('a\\u000ab [STOPPED]');
});
