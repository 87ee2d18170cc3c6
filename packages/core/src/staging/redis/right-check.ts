import { SpillwayError } from '../../errors.js';
import { text, type Reply } from './connection.js';
import type { ShardKeys } from './keys.js';
import { SCRIPTS } from './scripts.js';
import type { ServerLink } from './server-link.js';

/**
 * Asks Redis if this user may run every command of Spillway's scripts. Redis undoes nothing if it refuses a command in
 * the middle of a script, so a missing right must show before the first change is staged.
 *
 * EVAL sends the whole script, even if the server knows it already, so the right to run EVAL is tried too.
 *
 * @param keys of a shard that the server has
 * @throws SpillwayError `CONFIG_INVALID` that names all rights that are missing
 */
export async function checkRights(connection: ServerLink, keys: ShardKeys): Promise<void> {
  const missing = await missingRights(connection, keys);
  if (missing.length === 0) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Redis at ${connection.server} does not let its user run ${missing.join(', ').toUpperCase()}, ` +
      "which Spillway's scripts need; nothing was staged. " +
      `Give the user ${missing.map((command) => `+${command}`).join(' ')}: ` +
      'SECURITY.md lists all rights that are needed',
  );
}

/** The commands of scripts that the user may not run, sorted. */
export async function missingRights(connection: ServerLink, { tried }: ShardKeys): Promise<readonly string[]> {
  const { source } = SCRIPTS.rights;
  const reply = (await connection.command('EVAL', [source, 1, tried])) as Reply;
  return reply.slice(1).map(text).toSorted();
}
