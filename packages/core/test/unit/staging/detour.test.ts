import { expect, it } from 'vitest';
import { detourOf } from '../../../src/staging/cluster/detour.js';
import { asStagingError, notConnected, stopped } from '../../../src/staging/redis/redis-errors.js';

/** As ioredis makes it of what a server says. */
function said(message: string): Error {
  return asStagingError(Object.assign(new Error(message), { name: 'ReplyError' }), 'one:6379');
}

it.each([
  ['MOVED 3999 two.example:6381', { kind: 'moved', address: 'two.example:6381' }],
  ['MOVED 3999 ::1:6381', { kind: 'moved', address: '::1:6381' }],
  ['MOVED 3999 :6381', { kind: 'moved', address: 'one:6381' }],
  ['ASK 3999 two.example:6381', { kind: 'ask', address: 'two.example:6381' }],
  ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'later' }],
  ['CLUSTERDOWN The cluster is down', { kind: 'later' }],
  ['LOADING Redis is loading the dataset in memory', { kind: 'later' }],
  ["READONLY You can't write against a read only replica.", { kind: 'later' }],
])('a call that was answered %s has not run, and is sent on', (message, detour) => {
  expect(detourOf(said(message), 'one:6379')).toEqual(detour);
});

it('a call that was not sent is sent to a successor', () => {
  expect(detourOf(notConnected('one:6379', new Error('connect ECONNREFUSED')), 'one:6379')).toEqual({ kind: 'away' });
});

it.each([
  ['no answer', asStagingError(new Error('Connection is closed.'), 'one:6379')],
  ['a stop before it was sent', stopped('one:6379', 'before')],
  ['a stop within', stopped('one:6379', 'within')],
  ['CROSSSLOT', said("CROSSSLOT Keys in request don't hash to the same slot")],
  ['OOM', said('OOM command not allowed when used memory > maxmemory')],
  ['an error of the script', said('ERR user_script:3: MOVED 1 one:1')],
])('a call that ended with %s is never sent again: it may have run, or would fail anywhere', (_, error) => {
  expect(detourOf(error, 'one:6379')).toBeUndefined();
});
