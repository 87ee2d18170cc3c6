import { OptimisticLockError } from '@mikro-orm/core';
import type { Outcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import { keyText, type RowKey } from '../change/row-key.js';
import { SpillwayError } from '../errors.js';
import type { JoinedTransaction } from '../sink/change-sink.js';
import type { Batch } from '../staging/flush-side.js';
import type { Parts } from './parts.js';

/**
 * Writes held changes in the transaction that holds them, because its own SQL has to find them. One savepoint covers
 * the rows and the note in the ledger that they are written, so a rollback undoes both.
 *
 * @param written hold -> all its rows that are then written
 * @throws OptimisticLockError if another writer has changed a row; SpillwayError `HELD_UNWRITABLE` if PostgreSQL
 * refuses one; {@link WaitsForParents} if PostgreSQL would take it later
 */
export async function writeHeld(
  records: ReadonlyMap<RowKey, StagedRecord>,
  written: ReadonlyMap<string, readonly RowKey[]>,
  joined: JoinedTransaction,
  { looks }: Pick<Parts, 'looks'>,
): Promise<void> {
  const parents = new Set<RowKey>();
  await joined.attempt(async (part) => {
    const outcomes = await part.apply(batchOf(records), async (keys) => {
      const pending = await looks.peek(keys);
      const early = keys.filter((key) => pending.get(key)?.dirty ?? pending.get(key)?.inFlight);
      for (const key of early) parents.add(key);
      return new Set(early);
    });
    for (const [row, outcome] of outcomes) assertWritten(row, records.get(row), outcome, parents);
    for (const [id, rows] of written) await part.amendHold(id, rows);
  });
}

/** A held row refers to pending rows, which have to be written first. */
export class WaitsForParents extends SpillwayError {
  readonly parents: ReadonlySet<RowKey>;

  constructor(message: string, parents: ReadonlySet<RowKey>) {
    super('HELD_UNWRITABLE', message);
    this.parents = parents;
  }
}

/** The batch has no place in a shard's chain: it is never claimed, and its token is written nowhere. */
function batchOf(records: ReadonlyMap<RowKey, StagedRecord>): Batch {
  return { shard: 0, token: 'held', predecessor: '', attempts: 1, claimedAtMs: 0, records, unreadable: new Map() };
}

function assertWritten(
  row: RowKey,
  record: StagedRecord | undefined,
  outcome: Outcome,
  parents: ReadonlySet<RowKey>,
): void {
  // The policy of the entity may decide a conflict in favour of the database's row, here as anywhere.
  if (outcome.kind === 'applied' || outcome.kind === 'version' || outcome.kind === 'superseded') return;
  const entity = record?.entity ?? '';
  if (outcome.kind === 'buried' && outcome.code === 'CONFLICT') throw OptimisticLockError.lockFailed(entity);
  const message =
    `A statement of this transaction needs ${entity} ${keyText(row)}, which the transaction holds, and PostgreSQL does not take it: ${outcome.reason}. ` +
    'Roll back and try again; if it is refused again, change the row, or use a transaction without spillway: "stage"';
  if (outcome.kind === 'again' && parents.size > 0) throw new WaitsForParents(message, parents);
  throw new SpillwayError('HELD_UNWRITABLE', message);
}
