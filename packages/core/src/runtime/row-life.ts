import { type RowKey, shardOf } from '../change/row-key.js';
import { emptyRecord, type StagedRecord } from '../change/record.js';
import type { ComparedRow } from '../sink/change-sink.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { DeadLetter, DeadLetterId } from '../staging/dead-letter-store.js';
import type { Pending } from '../staging/look-side.js';
import type { ShardDepth } from '../staging/shard-depth.js';
import type { Parts } from './parts.js';

/** A dead letter beside its row. */
export interface ComparedLetter {
  readonly letter: DeadLetter;
  /** The row as the database has it now; `undefined` if there is none. */
  readonly row: ComparedRow | undefined;
}

/** All that Spillway knows of one row now, from what transactions hold to the database. */
export interface RowLife {
  readonly rowKey: RowKey;
  readonly shard: number;
  /** The changes of transactions that have not ended, the oldest first. */
  readonly held: readonly StagedRecord[];
  /** The changes that wait for a flush. */
  readonly dirty?: StagedRecord;
  /** The changes that are being written, in the batch with this token. */
  readonly inFlight?: { readonly record: StagedRecord; readonly token: string };
  /** What was written last, while the staging store remembers it. */
  readonly recent?: NonNullable<Pending['recent']>;
  /** The row's dead letters, the newest first, at most a hundred. */
  readonly letters: readonly DeadLetter[];
  /** The row as the database has it now, beside the newest changes above; `undefined` if there is none. */
  readonly row: ComparedRow | undefined;
}

const MOST_LETTERS = 100;

/** Looks of an operator at single rows, and at the shards. */
export class RowLooks {
  readonly #open: () => Promise<Parts>;

  constructor(open: () => Promise<Parts>) {
    this.#open = open;
  }

  async depths(): Promise<readonly ShardDepth[]> {
    return (await this.#open()).staging.depths();
  }

  async compared(which: DeadLetterId): Promise<ComparedLetter | undefined> {
    const parts = await this.#open();
    const letter = await parts.staging.deadLetters.get(which);
    return letter && { letter, row: await compared(parts, letter.rowKey, letter.record) };
  }

  async life(rowKey: RowKey): Promise<RowLife> {
    const parts = await this.#open();
    const { staging, looks } = parts;
    const [pending, letters] = await Promise.all([
      looks.peek([rowKey]).then((found) => found.get(rowKey)),
      staging.deadLetters.list({ rowKey, limit: MOST_LETTERS }),
    ]);
    const { dirty, inFlight, recent, held = [] } = pending ?? {};
    const newest = dirty ?? inFlight?.record ?? emptyRecord();
    return {
      rowKey,
      shard: shardOf(rowKey, staging.shards),
      held: held.map(({ record }) => record),
      ...(dirty && { dirty }),
      ...(inFlight && { inFlight: { record: inFlight.record, token: inFlight.token } }),
      ...(recent && { recent }),
      letters,
      row: await compared(parts, rowKey, newest),
    };
  }
}

async function compared({ sink }: Parts, rowKey: RowKey, record: StagedRecord): Promise<ComparedRow | undefined> {
  return databaseFor('The row has to be looked up.', sink.compare(rowKey, record));
}
