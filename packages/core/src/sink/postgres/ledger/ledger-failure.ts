import { SpillwayError } from '../../../errors.js';
import { OWN_TABLES } from '../../own-tables.js';
import { SinkRestart } from '../../sink-failure.js';
import { reasonOf } from '../fault-text.js';
import { isServerError, ownFailureOf } from '../fault.js';

/** The division by zero of the statement that enters batches. No other statement of ours divides. */
const NOT_ALL_MOVED = '22012';

/**
 * The failure for an error met in Spillway's own tables. There, another try does not help if a table, column or right
 * is missing.
 */
export function ledgerFailureOf(error: unknown): Error {
  if (isServerError(error) && error.code === NOT_ALL_MOVED)
    return new SinkRestart('Not all shards of the flush are in spillway_shard: it has been emptied meanwhile.');
  if (isServerError(error) && error.code?.startsWith('42') === true) {
    const [table] = OWN_TABLE.exec(error.message) ?? [];
    return notPrepared(table ? `${reasonOf(error)} (${table})` : reasonOf(error), error);
  }
  return ownFailureOf(error);
}

/** The only part of the server's message that is repeated: the name of a table of Spillway's own. */
const OWN_TABLE = new RegExp(`\\b(?:\\w+\\.)?(?:${OWN_TABLES.join('|')})\\b`, 'u');

/** The error for a missing table, column, right or shard row. */
export function notPrepared(what: string, cause?: unknown): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `Spillway's tables cannot be used: ${what}. Create them as docs/operations.md shows, or let the start do it with ` +
      "`tables: { ensure: true }` and a role that may, or name another schema for them by `tables: { schema: '…' }`.",
    { cause },
  );
}
