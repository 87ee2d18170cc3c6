import { SpillwayError } from '../../../errors.js';
import { OWN_TABLES } from '../../own-tables.js';
import { reasonOf } from '../fault-text.js';
import { isServerError, ownFailureOf } from '../fault.js';

/** What an error means that was met in Spillway's own tables: there, a missing table, column or right is not a matter of trying again. */
export function ledgerFailureOf(error: unknown): Error {
  if (isServerError(error) && error.code?.startsWith('42') === true) {
    const [table] = OWN_TABLE.exec(error.message) ?? [];
    return notPrepared(table ? `${reasonOf(error)} (${table})` : reasonOf(error), error);
  }
  return ownFailureOf(error);
}

/** Of what the server says only the name of a table of Spillway's own is told. */
const OWN_TABLE = new RegExp(`\\b(?:\\w+\\.)?(?:${OWN_TABLES.join('|')})\\b`, 'u');

/** What a missing table, column, right or shard row means. */
export function notPrepared(what: string, cause?: unknown): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `Spillway's tables cannot be used: ${what}. Create them as docs/operations.md shows, or let the start do it with ` +
      "`tables: { ensure: true }` and a role that may, or name another schema for them by `tables: { schema: '…' }`.",
    { cause },
  );
}
