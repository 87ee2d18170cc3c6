import { expect, test } from 'vitest';
import { SpillwayError } from '../../../src/errors.js';
import { asOpenError, asStagingError } from '../../../src/staging/redis/redis-errors.js';

function reply(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

const server = 'redis.example:6379';

/** As the servers say it, each on its own. */
const MISSING_RIGHTS: readonly (readonly [string, string])[] = [
  ['a command', "NOPERM User app has no permissions to run the 'evalsha' command"],
  ['a key', 'NOPERM No permissions to access a key'],
  [
    'a command in a script of Redis 7.0',
    "ERR The user executing the script can't run this command or subcommand script: 1f0a, on @user_script:3.",
  ],
  [
    'a key in a script of Redis 7.0',
    "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments",
  ],
  [
    'a command in a script of Redis 8 and Valkey 8',
    "ERR ACL failure in script: User app has no permissions to run the 'rename' command script: 1f0a, on @user_script:3.",
  ],
];

test.each(MISSING_RIGHTS)('a right that is missing is said with its remedy: %s', (_, message) => {
  for (const error of [asStagingError(reply(message), server), asOpenError(reply(message), server)]) {
    expect(error).toBeInstanceOf(SpillwayError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(error.message).toContain(`Redis at ${server} refuses this client (${message})`);
    expect(error.message).toMatch(/Give the user the rights .*SECURITY\.md lists them/u);
  }
});

test.each([
  'MOVED 3999 10.0.0.7:6379',
  'ASK 3999 10.0.0.7:6379',
  "CROSSSLOT Keys in request don't hash to the same slot",
  'ERR Script attempted to access a non local key in a cluster node script: 1f0a, on @user_script:3.',
])('a node of a cluster is refused with the remedy: %s', (message) => {
  const error = asStagingError(reply(message), server);
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(error.message).toContain(`Redis at ${server} is a node of a Redis Cluster`);
  expect(error.message).toContain('Give the "redis" option the cluster, as { cluster: [...] }');
});
