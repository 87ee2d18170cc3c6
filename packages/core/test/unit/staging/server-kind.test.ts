import { describe, expect, test } from 'vitest';
import { serverKindOf, serverText } from '../../../src/staging/redis/server-kind.js';

/** What `INFO server` begins with, line by line. */
const info = (...lines: readonly string[]): string =>
  ['# Server', ...lines, 'os:Linux 6.1.0 x86_64', 'arch_bits:64', ''].join('\r\n');

const ALL = { wait: true, waitAof: true, functions: true };
const NONE = { wait: false, waitAof: false, functions: false };
const NOBODY_KNOWS = { wait: undefined, waitAof: undefined, functions: undefined };

describe('a server is known by what it says of itself', () => {
  test.each([
    {
      server: 'Redis 7.0 of Debian 12, which has no WAITAOF',
      told: info('redis_version:7.0.15', 'redis_git_sha1:00000000', 'redis_git_dirty:0', 'redis_mode:standalone'),
      kind: { name: 'redis', version: '7.0.15', mode: 'standalone', can: { ...ALL, waitAof: false } },
    },
    {
      server: 'Redis 6.2, which has no functions',
      told: info('redis_version:6.2.14', 'redis_git_sha1:00000000', 'redis_mode:cluster'),
      kind: { name: 'redis', version: '6.2.14', mode: 'cluster', can: { ...NONE, wait: true } },
    },
    {
      server: 'Redis 8',
      told: info('redis_version:8.2.1', 'redis_git_sha1:00000000', 'redis_mode:standalone'),
      kind: { name: 'redis', version: '8.2.1', mode: 'standalone', can: ALL },
    },
    {
      server: 'a sentinel of Redis',
      told: info('redis_version:7.4.0', 'redis_mode:sentinel'),
      kind: { name: 'redis', version: '7.4.0', mode: 'sentinel', can: ALL },
    },
    {
      server: 'Valkey 7.2, whose mode has the name of Redis',
      told: info('redis_version:7.2.4', 'server_name:valkey', 'valkey_version:7.2.7', 'redis_mode:standalone'),
      kind: { name: 'valkey', version: '7.2.7', mode: 'standalone', can: ALL },
    },
    {
      server: 'Valkey 8, whose mode has a name of its own',
      told: info('redis_version:7.2.4', 'server_name:valkey', 'valkey_version:8.0.1', 'server_mode:cluster'),
      kind: { name: 'valkey', version: '8.0.1', mode: 'cluster', can: ALL },
    },
    {
      server: 'Valkey 10, which is newer than 7.2 though its text is smaller',
      told: info('redis_version:7.2.4', 'server_name:valkey', 'valkey_version:10.0.0', 'server_mode:standalone'),
      kind: { name: 'valkey', version: '10.0.0', mode: 'standalone', can: ALL },
    },
    {
      server: 'Valkey of a cloud that hides its version',
      told: info('redis_version:7.2.4', 'server_name:valkey', 'server_mode:standalone'),
      kind: { name: 'valkey', version: '', mode: 'standalone', can: NOBODY_KNOWS },
    },
    {
      server: 'Dragonfly, which calls itself a Redis 7.4',
      told: info('redis_version:7.4.0', 'dragonfly_version:df-v1.40.1', 'redis_mode:standalone'),
      kind: { name: 'dragonfly', version: '1.40.1', mode: 'standalone', can: NONE },
    },
    {
      server: 'another program that is compatible with Redis',
      told: info('redis_version:7.2.4', 'server_name:another', 'redis_mode:standalone'),
      kind: { name: 'unknown', version: '', mode: 'standalone', can: NOBODY_KNOWS },
    },
    {
      server: 'a server that may not be asked',
      told: '',
      kind: { name: 'unknown', version: '', mode: 'unknown', can: NOBODY_KNOWS },
    },
  ])('$server', ({ told, kind }) => {
    expect(serverKindOf(told)).toEqual(kind);
  });
});

test('a kind is said in words', () => {
  const said = (...lines: readonly string[]): string => serverText(serverKindOf(info(...lines)), 'db:6379');
  expect(said('redis_version:7.0.15', 'redis_mode:standalone')).toBe('Redis 7.0.15 at db:6379');
  expect(said('valkey_version:8.0.1', 'server_mode:cluster')).toBe('Valkey 8.0.1 at db:6379 (cluster)');
  expect(said('dragonfly_version:df-v1.40.1')).toBe('Dragonfly 1.40.1 at db:6379');
  expect(serverText(serverKindOf(''), 'db:6379')).toBe('A server of an unknown kind at db:6379');
});
