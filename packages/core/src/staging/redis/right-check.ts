import { SpillwayError } from '../../errors.js';
import type { RedisConnection } from './connection.js';
import { shardKeys } from './keys.js';
import { text, type Reply } from './replies.js';
import { SCRIPTS } from './scripts.js';

/**
 * Asks Redis whether this user may run every command of Spillway's scripts. A script that is refused a command in its
 * middle leaves what it has written so far, so a missing right must show before anything is staged.
 *
 * The script is sent whole, so that the right to send it (EVAL) is tried too, also where the server knows it already.
 *
 * @throws SpillwayError `CONFIG_INVALID` that names all rights that are missing
 */
export async function checkRights(connection: RedisConnection, namespace: string): Promise<void> {
  const { source } = SCRIPTS.rights;
  const reply = (await connection.command('EVAL', [source, 1, shardKeys(namespace, 0).tried])) as Reply;
  const missing = reply.slice(1).map(text).toSorted();
  if (missing.length === 0) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Redis at ${connection.server} does not let its user run ${missing.join(', ').toUpperCase()}, ` +
      "which Spillway's scripts need; nothing was staged. " +
      `Give the user ${missing.map((command) => `+${command}`).join(' ')}: ` +
      'SECURITY.md lists all rights that are needed',
  );
}
